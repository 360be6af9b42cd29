package pubsub_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"souk/emulators/identity"
)

const serviceAccount = "pubsub-push@souk-conformance.iam.gserviceaccount.com"

// retryEvery sets a constant backoff.
func retryEvery(d time.Duration) func(*pb.Subscription) {
	return func(s *pb.Subscription) {
		s.RetryPolicy = &pb.RetryPolicy{MinimumBackoff: durationpb.New(d), MaximumBackoff: durationpb.New(d)}
	}
}

// soon is a backoff for tests that wait for a redelivery.
var soon = retryEvery(100 * time.Millisecond)

func testPushRequest(t *testing.T, b broker) {
	e := mustEndpoint(t, failFirst(1))
	topic := b.mustTopic(t)
	subscription := b.mustSubscribe(t, topic, pushTo(e), soon)
	before := time.Now()
	id := b.mustPublish(t, topic, &pb.PubsubMessage{Data: []byte("naïve"), Attributes: map[string]string{"type": "order-placed", "empty": ""}})

	got := e.mustReceive(t)
	if got.Method != http.MethodPost || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s of %q, want a POST of application/json", got.Method, got.Header.Get("Content-Type"))
	}
	if agent := got.Header.Get("User-Agent"); (agent == "CloudPubSub-Google") == b.lacks[ownUserAgent] {
		t.Errorf("User-Agent = %q; known difference: %v", agent, b.lacks[ownUserAgent])
	}
	m := got.Body.Message
	if string(m.Data) != "naïve" || len(m.Attributes) != 2 || m.Attributes["type"] != "order-placed" {
		t.Errorf("message = %+v", m)
	}
	if m.MessageID != id || m.MessageIDToo != id {
		t.Errorf("messageId = %q, message_id = %q, want the id that Publish returned, %q", m.MessageID, m.MessageIDToo, id)
	}
	published, err := time.Parse(time.RFC3339Nano, m.PublishTime)
	if err != nil || m.PublishedAlso != m.PublishTime {
		t.Errorf("publishTime = %q, publish_time = %q: %v", m.PublishTime, m.PublishedAlso, err)
	}
	if published.Before(before.Add(-time.Second)) || published.After(time.Now().Add(time.Second)) {
		t.Errorf("published at %v, want about %v", published, before)
	}
	if got.Body.Subscription != subscription {
		t.Errorf("subscription = %q, want %q", got.Body.Subscription, subscription)
	}
	t.Run("has only documented fields", func(t *testing.T) { testFieldNames(t, got.Raw) })
	t.Run("a message is repeated unchanged", func(t *testing.T) {
		if again := e.mustReceive(t); string(again.Raw) != string(got.Raw) {
			t.Errorf("second push: %s\nfirst push: %s", again.Raw, got.Raw)
		}
	})
}

// testFieldNames checks that a push without ordering key and dead-letter policy has
// only the documented keys.
func testFieldNames(t *testing.T, raw []byte) {
	var body struct {
		Top     map[string]any
		Message map[string]any `json:"message"`
	}
	if err := json.Unmarshal(raw, &body); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &body.Top); err != nil {
		t.Fatal(err)
	}
	requireKeys(t, body.Top, "message", "subscription")
	requireKeys(t, body.Message, "attributes", "data", "messageId", "message_id", "publishTime", "publish_time")
}

// requireKeys compares the keys of an object.
func requireKeys(t *testing.T, object map[string]any, want ...string) {
	t.Helper()
	var got []string
	for key := range object {
		got = append(got, key)
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

func testDeliveryAttempt(t *testing.T, b broker) {
	e := mustEndpoint(t, failFirst(2))
	topic := b.mustTopic(t)
	b.mustSubscribe(t, topic, pushTo(e), soon, deadLetterTo(b.mustTopic(t)))
	b.mustPublish(t, topic, text("counted"))
	for want := 1; want <= 3; want++ {
		e.mustReceive(t).requireAttempt(t, b, want)
	}
}

// requireAttempt checks the delivery attempt of a push.
func (p pushed) requireAttempt(t *testing.T, b broker, want int) {
	t.Helper()
	if p.Nth != want {
		t.Errorf("push %d of the message, want %d", p.Nth, want)
	}
	if b.lacks[noDeliveryAttempt] {
		want = 0
	}
	if got := p.Body.DeliveryAttempt; got != want {
		t.Errorf("deliveryAttempt = %d, want %d; known difference: %v", got, want, b.lacks[noDeliveryAttempt])
	}
}

func testPushToken(t *testing.T, b broker) {
	audiences := map[string]string{"configured audience": "https://souk.example", "endpoint as audience": ""}
	for name, audience := range audiences {
		t.Run(name, func(t *testing.T) {
			e := mustEndpoint(t, always(http.StatusOK))
			topic := b.mustTopic(t)
			b.mustSubscribe(t, topic, pushTo(e), func(s *pb.Subscription) {
				s.PushConfig.AuthenticationMethod = &pb.PushConfig_OidcToken_{OidcToken: &pb.PushConfig_OidcToken{
					ServiceAccountEmail: serviceAccount, Audience: audience}}
			})
			b.mustPublish(t, topic, text("signed"))
			header := e.mustReceive(t).Header.Get("Authorization")
			if b.lacks[noPushToken] {
				if header != "" {
					t.Errorf("known difference has disappeared: the broker sends Authorization: %s", header)
				}
				return
			}
			if audience == "" {
				audience = e.URL
			}
			claims := mustClaims(t, header)
			if claims.Audience != audience || claims.Email != serviceAccount || !claims.EmailVerified {
				t.Errorf("claims = %+v, want audience %q and email %q", claims, audience, serviceAccount)
			}
		})
	}
	t.Run("is absent unless configured", func(t *testing.T) {
		e := mustEndpoint(t, always(http.StatusOK))
		topic := b.mustTopic(t)
		b.mustSubscribe(t, topic, pushTo(e))
		b.mustPublish(t, topic, text("plain"))
		if header := e.mustReceive(t).Header.Get("Authorization"); header != "" {
			t.Errorf("Authorization = %q", header)
		}
	})
}

// mustClaims parses the claims of a bearer token without verifying it: the broker does
// not know the issuer.
func mustClaims(t *testing.T, header string) identity.Claims {
	t.Helper()
	var bearer string
	if _, err := fmt.Sscanf(header, "Bearer %s", &bearer); err != nil {
		t.Fatalf("Authorization = %q, want a bearer token", header)
	}
	token, err := jwt.ParseSigned(bearer, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatalf("token %s: %v", bearer, err)
	}
	var claims identity.Claims
	if err := token.UnsafeClaimsWithoutVerification(&claims); err != nil {
		t.Fatalf("claims of %s: %v", bearer, err)
	}
	return claims
}

func testAckDeadline(t *testing.T, b broker) {
	const deadline = 10 * time.Second // the minimum
	over := make(chan struct{})
	e := mustEndpoint(t, func(_ http.ResponseWriter, _ *http.Request, p pushed) {
		if p.Nth == 1 {
			<-over
		}
	})
	t.Cleanup(func() { close(over) })
	topic := b.mustTopic(t)
	b.mustSubscribe(t, topic, pushTo(e), soon, func(s *pb.Subscription) { s.AckDeadlineSeconds = 10 })
	b.mustPublish(t, topic, text("slow"))
	pushes := e.mustReceiveSeveral(t, 2)
	// The deadline starts when the broker sends the push, a little before it arrives.
	if gap := pushes[1].At.Sub(pushes[0].At); gap < deadline-time.Second {
		t.Errorf("pushed again after %v, within the deadline of %v", gap, deadline)
	}
}

func testRetryBackoff(t *testing.T, b broker) {
	const minimum = 2 * time.Second
	e := mustEndpoint(t, failFirst(2))
	topic := b.mustTopic(t)
	b.mustSubscribe(t, topic, pushTo(e), func(s *pb.Subscription) {
		s.RetryPolicy = &pb.RetryPolicy{MinimumBackoff: durationpb.New(minimum), MaximumBackoff: durationpb.New(10 * minimum)}
	})
	b.mustPublish(t, topic, text("again"))
	pushes := e.mustReceiveSeveral(t, 3)
	for i := range 2 {
		gap := pushes[i+1].At.Sub(pushes[i].At)
		want := gap >= minimum
		if i == 0 && b.lacks[firstRetryTooSoon] {
			want = !want
		}
		if !want {
			t.Errorf("attempt %d was %v after the previous one; minimum backoff %v, known difference: %v",
				i+2, gap, minimum, b.lacks[firstRetryTooSoon])
		}
	}
}

func testEndpointChange(t *testing.T, b broker) {
	before, after, last := mustEndpoint(t, always(http.StatusServiceUnavailable)), mustEndpoint(t, always(http.StatusServiceUnavailable)), mustEndpoint(t, always(http.StatusOK))
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic, pushTo(before), soon)
	id := b.mustPublish(t, topic, text("follows"))
	if got := before.mustReceive(t).Body.Message.MessageID; got != id {
		t.Errorf("received message %s, want %s", got, id)
	}
	t.Run("ModifyPushConfig changes the endpoint", func(t *testing.T) {
		err := b.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pb.ModifyPushConfigRequest{
			Subscription: name, PushConfig: &pb.PushConfig{PushEndpoint: after.URL}})
		if err != nil {
			t.Fatal(err)
		}
		if got := after.mustReceive(t).Body.Message.MessageID; got != id {
			t.Errorf("received message %s, want %s", got, id)
		}
	})
	t.Run("UpdateSubscription changes the endpoint", func(t *testing.T) {
		_, err := b.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
			Subscription: &pb.Subscription{Name: name, PushConfig: &pb.PushConfig{PushEndpoint: last.URL}},
			UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"push_config"}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := last.mustReceive(t).Body.Message.MessageID; got != id {
			t.Errorf("received message %s, want %s", got, id)
		}
	})
}

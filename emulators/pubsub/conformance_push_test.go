package pubsub_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"souk/emulators/identity"
)

const serviceAccount = "pubsub-push@souk-conformance.iam.gserviceaccount.com"

// retryEvery asks for redelivery after that long, again and again.
func retryEvery(d time.Duration) func(*pb.Subscription) {
	return func(s *pb.Subscription) {
		s.RetryPolicy = &pb.RetryPolicy{MinimumBackoff: durationpb.New(d), MaximumBackoff: durationpb.New(d)}
	}
}

// soon is a backoff for tests that only want a message again.
var soon = retryEvery(100 * time.Millisecond)

func testPushRequest(t *testing.T, b broker) {
	e := MustEndpoint(t, failFirst(1))
	topic := b.MustTopic(t)
	subscription := b.MustSubscribe(t, topic, pushTo(e), soon)
	before := time.Now()
	id := b.MustPublish(t, topic, &pb.PubsubMessage{Data: []byte("naïve"), Attributes: map[string]string{"type": "order-placed", "empty": ""}})

	got := e.MustReceive(t)
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
		t.Errorf("messageId = %q, message_id = %q, want what Publish returned, %q", m.MessageID, m.MessageIDToo, id)
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
	t.Run("comes again unchanged", func(t *testing.T) {
		if again := e.MustReceive(t); string(again.Raw) != string(got.Raw) {
			t.Errorf("second push: %s\nfirst push: %s", again.Raw, got.Raw)
		}
	})
}

// testFieldNames holds the keys of a push without ordering key and dead-letter
// policy to the documented ones.
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
	MustHaveKeys(t, body.Top, "message", "subscription")
	MustHaveKeys(t, body.Message, "attributes", "data", "messageId", "message_id", "publishTime", "publish_time")
}

// MustHaveKeys compares the keys of an object.
func MustHaveKeys(t *testing.T, object map[string]any, want ...string) {
	t.Helper()
	var got []string
	for key := range object {
		got = append(got, key)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("keys = %v, want %v", got, want)
	}
}

func testDeliveryAttempt(t *testing.T, b broker) {
	e := MustEndpoint(t, failFirst(2))
	topic := b.MustTopic(t)
	b.MustSubscribe(t, topic, pushTo(e), soon, deadLetterTo(b.MustTopic(t)))
	b.MustPublish(t, topic, text("counted"))
	for want := 1; want <= 3; want++ {
		e.MustReceive(t).mustTellAttempt(t, b, want)
	}
}

// mustTellAttempt checks the delivery attempt of a push.
func (p pushed) mustTellAttempt(t *testing.T, b broker, want int) {
	t.Helper()
	if p.Nth != want {
		t.Errorf("this is push %d of the message, want %d", p.Nth, want)
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
			e := MustEndpoint(t, always(http.StatusOK))
			topic := b.MustTopic(t)
			b.MustSubscribe(t, topic, pushTo(e), func(s *pb.Subscription) {
				s.PushConfig.AuthenticationMethod = &pb.PushConfig_OidcToken_{OidcToken: &pb.PushConfig_OidcToken{
					ServiceAccountEmail: serviceAccount, Audience: audience}}
			})
			b.MustPublish(t, topic, text("signed"))
			header := e.MustReceive(t).Header.Get("Authorization")
			if b.lacks[noPushToken] {
				if header != "" {
					t.Errorf("known difference is gone: the broker sends Authorization: %s", header)
				}
				return
			}
			if audience == "" {
				audience = e.URL
			}
			claims := MustClaims(t, header)
			if claims.Audience != audience || claims.Email != serviceAccount || !claims.EmailVerified {
				t.Errorf("claims = %+v, want audience %q and email %q", claims, audience, serviceAccount)
			}
		})
	}
	t.Run("none unless configured", func(t *testing.T) {
		e := MustEndpoint(t, always(http.StatusOK))
		topic := b.MustTopic(t)
		b.MustSubscribe(t, topic, pushTo(e))
		b.MustPublish(t, topic, text("plain"))
		if header := e.MustReceive(t).Header.Get("Authorization"); header != "" {
			t.Errorf("Authorization = %q", header)
		}
	})
}

// MustClaims reads the claims of a bearer token, unverified: who issues it is no
// matter of the broker.
func MustClaims(t *testing.T, header string) identity.Claims {
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

// statusCodes are the answers to a push, and whether they acknowledge it:
// https://cloud.google.com/pubsub/docs/push#receive_push
var statusCodes = []struct {
	code         int
	acknowledges bool
	unless       difference
}{
	{102, true, ""}, {200, true, ""}, {201, true, ""}, {204, true, ""},
	{202, true, acceptedFails},
	{203, false, nonAuthoritativeAcknowledges},
	{205, false, ""}, {206, false, ""}, {304, false, ""},
	{400, false, ""}, {401, false, ""}, {403, false, ""}, {404, false, ""}, {408, false, ""}, {409, false, ""},
	{410, false, ""}, {422, false, ""}, {429, false, ""},
	{500, false, ""}, {501, false, ""}, {502, false, ""}, {503, false, ""}, {504, false, ""},
}

// testStatusCodes answers a message once with each code. A second one, which is
// failed at the same time, comes again; if the first has not until then, it was
// acknowledged.
func testStatusCodes(t *testing.T, b broker) {
	endpoints := map[int]*endpoint{}
	for _, c := range statusCodes {
		e := MustEndpoint(t, func(w http.ResponseWriter, r *http.Request, p pushed) {
			switch {
			case p.Data() == "sentinel":
				failFirst(2)(w, r, p)
			case p.Nth > 1:
				w.WriteHeader(http.StatusOK)
			case c.code == http.StatusProcessing:
				answerFinally(t, w, c.code)
			default:
				w.WriteHeader(c.code)
			}
		})
		endpoints[c.code] = e
		topic := b.MustTopic(t)
		b.MustSubscribe(t, topic, pushTo(e), soon)
		b.MustPublishAll(t, topic, text("answered"), text("sentinel"))
	}
	for _, c := range statusCodes {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			e, want := endpoints[c.code], c.acknowledges != b.lacks[c.unless]
			if !want {
				e.MustReceiveUntil(t, func(p pushed) bool { return p.Data() == "answered" && p.Nth == 2 })
				return
			}
			for _, p := range e.MustReceiveUntil(t, func(p pushed) bool { return p.Data() == "sentinel" && p.Nth == 3 }) {
				if p.Data() == "answered" && p.Nth > 1 {
					t.Errorf("the message came again after %d", c.code)
				}
			}
		})
	}
}

// answerFinally sends a status that HTTP does not allow as the last one.
func answerFinally(t *testing.T, w http.ResponseWriter, code int) {
	connection, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Errorf("hijack: %v", err)
		return
	}
	if _, err := fmt.Fprintf(buffer, "HTTP/1.1 %d %s\r\n\r\n", code, http.StatusText(code)); err != nil {
		t.Errorf("write: %v", err)
	}
	if err := errors.Join(buffer.Flush(), connection.Close()); err != nil {
		t.Errorf("answer %d: %v", code, err)
	}
}

// testRedirects sends pushes elsewhere. A redirect is no acknowledgement, and
// the token of a push must not travel on.
func testRedirects(t *testing.T, b broker) {
	for _, code := range []int{301, 302, 307, 308} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			elsewhere := make(chan struct{}, 1)
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere <- struct{}{} }))
			t.Cleanup(server.Close)
			e := MustEndpoint(t, func(w http.ResponseWriter, r *http.Request, p pushed) {
				if p.Nth == 1 {
					http.Redirect(w, r, server.URL, code)
				}
			})
			topic := b.MustTopic(t)
			b.MustSubscribe(t, topic, pushTo(e), soon)
			b.MustPublish(t, topic, text("sent on"))
			if b.lacks[redirectsAreFollowed] && code != http.StatusPermanentRedirect {
				select {
				case <-elsewhere:
				case <-time.After(patience):
					t.Errorf("known difference is gone: %d was not followed", code)
				}
				return
			}
			e.MustReceiveN(t, 2)
			if len(elsewhere) > 0 {
				t.Errorf("%d was followed", code)
			}
		})
	}
}

func testAckDeadline(t *testing.T, b broker) {
	const deadline = 10 * time.Second // the shortest there is
	over := make(chan struct{})
	e := MustEndpoint(t, func(_ http.ResponseWriter, _ *http.Request, p pushed) {
		if p.Nth == 1 {
			<-over
		}
	})
	t.Cleanup(func() { close(over) })
	topic := b.MustTopic(t)
	b.MustSubscribe(t, topic, pushTo(e), soon, func(s *pb.Subscription) { s.AckDeadlineSeconds = 10 })
	b.MustPublish(t, topic, text("slow"))
	pushes := e.MustReceiveN(t, 2)
	// The deadline starts when the broker sends, a little before the push arrives.
	if gap := pushes[1].At.Sub(pushes[0].At); gap < deadline-time.Second {
		t.Errorf("pushed again after %v, within the deadline of %v", gap, deadline)
	}
}

func testRetryBackoff(t *testing.T, b broker) {
	const minimum = 2 * time.Second
	e := MustEndpoint(t, failFirst(2))
	topic := b.MustTopic(t)
	b.MustSubscribe(t, topic, pushTo(e), func(s *pb.Subscription) {
		s.RetryPolicy = &pb.RetryPolicy{MinimumBackoff: durationpb.New(minimum), MaximumBackoff: durationpb.New(10 * minimum)}
	})
	b.MustPublish(t, topic, text("again"))
	pushes := e.MustReceiveN(t, 3)
	for i := range 2 {
		gap := pushes[i+1].At.Sub(pushes[i].At)
		want := gap >= minimum
		if i == 0 && b.lacks[firstRetryTooSoon] {
			want = !want
		}
		if !want {
			t.Errorf("attempt %d came %v after the one before; minimum backoff %v, known difference: %v",
				i+2, gap, minimum, b.lacks[firstRetryTooSoon])
		}
	}
}

func testEndpointChange(t *testing.T, b broker) {
	before, after, last := MustEndpoint(t, always(http.StatusServiceUnavailable)), MustEndpoint(t, always(http.StatusServiceUnavailable)), MustEndpoint(t, always(http.StatusOK))
	topic := b.MustTopic(t)
	name := b.MustSubscribe(t, topic, pushTo(before), soon)
	id := b.MustPublish(t, topic, text("follows"))
	if got := before.MustReceive(t).Body.Message.MessageID; got != id {
		t.Errorf("got message %s, want %s", got, id)
	}
	t.Run("by ModifyPushConfig", func(t *testing.T) {
		err := b.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pb.ModifyPushConfigRequest{
			Subscription: name, PushConfig: &pb.PushConfig{PushEndpoint: after.URL}})
		if err != nil {
			t.Fatal(err)
		}
		if got := after.MustReceive(t).Body.Message.MessageID; got != id {
			t.Errorf("got message %s, want %s", got, id)
		}
	})
	t.Run("by UpdateSubscription", func(t *testing.T) {
		_, err := b.SubscriptionAdminClient.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
			Subscription: &pb.Subscription{Name: name, PushConfig: &pb.PushConfig{PushEndpoint: last.URL}},
			UpdateMask:   &fieldmaskpb.FieldMask{Paths: []string{"push_config"}}})
		if err != nil {
			t.Fatal(err)
		}
		if got := last.MustReceive(t).Body.Message.MessageID; got != id {
			t.Errorf("got message %s, want %s", got, id)
		}
	})
}

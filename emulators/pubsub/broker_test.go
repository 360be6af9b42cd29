package pubsub_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"souk/emulators/pubsub"
)

// mustConnectNew starts an embedded broker and returns a client of it.
func mustConnectNew(t *testing.T, options pubsub.Options) (*pubsub.Broker, *bench) {
	t.Helper()
	b := mustStart(t, options)
	return b, mustConnect(t, b.Addr())
}

func TestDuplicatePushesEverythingTwice(t *testing.T) {
	t.Parallel()
	b, c := mustConnectNew(t, pubsub.Options{Duplicate: true})
	e := mustEndpoint(t, failFirst(1))
	topic := c.mustTopic(t)
	c.mustSubscribe(t, topic, pushTo(e), soon)
	var ids []string
	for i := range 50 {
		ids = append(ids, c.mustPublish(t, topic, text(fmt.Sprint(i))))
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		// The first push fails, so two acknowledged ones make at least three.
		if got := e.Count(id); got < 3 {
			t.Errorf("message %s was pushed %d times", id, got)
		}
	}
}

func TestShuffleChangesTheOrder(t *testing.T) {
	t.Parallel()
	b, c := mustConnectNew(t, pubsub.Options{Shuffle: true})
	e := mustEndpoint(t, always(http.StatusOK))
	topic := c.mustTopic(t)
	c.mustSubscribe(t, topic, pushTo(e))
	var messages []*pb.PubsubMessage
	for i := range 100 {
		messages = append(messages, text(fmt.Sprint(i)))
	}
	// In one request: messages that are published more slowly than the delays would stay in order.
	published := c.mustPublishAll(t, topic, messages...)
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range e.mustReceiveSeveral(t, len(published)) {
		got = append(got, p.Body.Message.MessageID)
	}
	if slices.Equal(got, published) {
		t.Error("100 messages were pushed in the order of publication")
	}
	slices.Sort(got)
	if !slices.Equal(got, published) {
		t.Errorf("got %v, want each message once", got)
	}
}

func TestShuffleKeepsOrderingKeys(t *testing.T) {
	t.Parallel()
	b, c := mustConnectNew(t, pubsub.Options{Shuffle: true, Duplicate: true})
	e := mustEndpoint(t, always(http.StatusOK))
	topic := c.mustTopic(t)
	c.mustSubscribe(t, topic, pushTo(e), func(s *pb.Subscription) { s.EnableMessageOrdering = true })
	for i := range 20 {
		c.mustPublish(t, topic, &pb.PubsubMessage{Data: []byte{byte(i)}, OrderingKey: "k"})
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := byte(0)
	for _, p := range e.mustReceiveSeveral(t, 40) {
		if now := p.Body.Message.Data[0]; now < last {
			t.Errorf("message %d came after %d", now, last)
		} else {
			last = now
		}
	}
}

func TestPoisonReachesItsDeadLetterTopicWithTheReason(t *testing.T) {
	t.Parallel()
	_, c := mustConnectNew(t, pubsub.Options{Duplicate: true, Shuffle: true})
	e := mustEndpoint(t, always(http.StatusTeapot))
	topic, deadLetters := c.mustTopic(t), c.mustTopic(t)
	graveyard := c.mustSubscribe(t, deadLetters)
	c.mustSubscribe(t, topic, pushTo(e), soon, deadLetterTo(deadLetters))
	c.mustPublish(t, topic, text("poison"))
	m := c.mustPull(t, graveyard).GetMessage()
	if got := m.GetAttributes()["CloudPubSubDeadLetterSourceDeliveryErrorMessage"]; got != "the push endpoint responded with 418 I'm a teapot" {
		t.Errorf("reason = %q", got)
	}
}

func TestUnreachableEndpointIsRetried(t *testing.T) {
	t.Parallel()
	b, c := mustConnectNew(t, pubsub.Options{})
	topic := c.mustTopic(t)
	name := c.mustSubscribe(t, topic, soon, func(s *pb.Subscription) {
		s.PushConfig = &pb.PushConfig{PushEndpoint: "http://127.0.0.1:1"} // nothing listens there
	})
	c.mustPublish(t, topic, text("waiting"))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := b.Idle(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("idle = %v with an undelivered message, want an error", err)
	}
	e := mustEndpoint(t, always(http.StatusOK))
	err := c.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pb.ModifyPushConfigRequest{
		Subscription: name, PushConfig: &pb.PushConfig{PushEndpoint: e.URL}})
	if err != nil {
		t.Fatal(err)
	}
	e.mustReceive(t)
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPushesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	_, c := mustConnectNew(t, pubsub.Options{})
	var inFlight, most atomic.Int64
	release := make(chan struct{})
	e := mustEndpoint(t, func(http.ResponseWriter, *http.Request, pushed) {
		most.Store(max(most.Load(), inFlight.Add(1)))
		<-release
		inFlight.Add(-1)
	})
	topic := c.mustTopic(t)
	c.mustSubscribe(t, topic, pushTo(e))
	for i := range 50 {
		c.mustPublish(t, topic, text(fmt.Sprint(i)))
	}
	e.mustReceiveSeveral(t, 10) // the initial window
	if got := most.Load(); got > 10 {
		t.Errorf("%d pushes at once before the first acknowledgement", got)
	}
	close(release)
	e.mustReceiveSeveral(t, 40)
}

func TestListsAndDeletes(t *testing.T) {
	t.Parallel()
	_, c := mustConnectNew(t, pubsub.Options{Dir: t.TempDir()})
	topic := c.mustTopic(t)
	var want []string
	for range 5 {
		want = append(want, c.mustSubscribe(t, topic))
	}
	slices.Sort(want)
	var got []string
	pages := c.SubscriptionAdminClient.ListSubscriptions(t.Context(), &pb.ListSubscriptionsRequest{Project: "projects/" + project, PageSize: 2})
	for s, err := range pages.All() {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.GetName())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("listed (-want +got):\n%s", diff)
	}
	c.mustPublish(t, topic, text("dropped"))
	if err := c.TopicAdminClient.DeleteTopic(t.Context(), &pb.DeleteTopicRequest{Topic: topic}); err != nil {
		t.Fatal(err)
	}
	s, err := c.SubscriptionAdminClient.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: want[0]})
	if err != nil || s.GetTopic() != "_deleted-topic_" {
		t.Errorf("subscription of a deleted topic = %v, %v", s, err)
	}
	if got := string(c.mustPull(t, want[0]).GetMessage().GetData()); got != "dropped" {
		t.Errorf("pulled %q: want the message published before the topic was deleted", got)
	}
	if err := c.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pb.DeleteSubscriptionRequest{Subscription: want[0]}); err != nil {
		t.Fatal(err)
	}
	_, err = c.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{Subscription: want[0], MaxMessages: 1})
	if status.Code(err) != codes.NotFound {
		t.Errorf("pull from a deleted subscription: %v", err)
	}
}

func TestSeekDropsOlderMessages(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var offset atomic.Int64
	_, c := mustConnectNew(t, pubsub.Options{Clock: func() time.Time { return now.Add(time.Duration(offset.Load())) }})
	topic := c.mustTopic(t)
	name := c.mustSubscribe(t, topic)
	c.mustPublish(t, topic, text("old"))
	offset.Store(int64(time.Minute))
	c.mustPublish(t, topic, text("new"))
	_, err := c.SubscriptionAdminClient.Seek(t.Context(), &pb.SeekRequest{
		Subscription: name, Target: &pb.SeekRequest_Time{Time: timestamppb.New(now.Add(time.Second))}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(c.mustPull(t, name).GetMessage().GetData()); got != "new" {
		t.Errorf("pulled %q, want the newer message", got)
	}
}

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
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"souk/emulators/pubsub"
)

// MustConnectNew starts an embedded broker and connects to it.
func MustConnectNew(t *testing.T, options pubsub.Options) (*pubsub.Broker, *bench) {
	t.Helper()
	b := MustStart(t, options)
	return b, MustConnect(t, b.Addr())
}

func TestDuplicatePushesEverythingTwice(t *testing.T) {
	t.Parallel()
	b, c := MustConnectNew(t, pubsub.Options{Duplicate: true})
	e := MustEndpoint(t, failFirst(1))
	topic := c.MustTopic(t)
	c.MustSubscribe(t, topic, pushTo(e), soon)
	var ids []string
	for i := range 50 {
		ids = append(ids, c.MustPublish(t, topic, text(fmt.Sprint(i))))
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
	b, c := MustConnectNew(t, pubsub.Options{Shuffle: true})
	e := MustEndpoint(t, always(http.StatusOK))
	topic := c.MustTopic(t)
	c.MustSubscribe(t, topic, pushTo(e))
	var messages []*pb.PubsubMessage
	for i := range 100 {
		messages = append(messages, text(fmt.Sprint(i)))
	}
	// In one request: those that come slower than the delays would stay in order.
	published := c.MustPublishAll(t, topic, messages...)
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range e.MustReceiveN(t, len(published)) {
		got = append(got, p.Body.Message.MessageID)
	}
	if slices.Equal(got, published) {
		t.Error("100 messages came in the order they were published")
	}
	slices.Sort(got)
	if !slices.Equal(got, published) {
		t.Errorf("got %v, want each message once", got)
	}
}

func TestShuffleKeepsOrderingKeys(t *testing.T) {
	t.Parallel()
	b, c := MustConnectNew(t, pubsub.Options{Shuffle: true, Duplicate: true})
	e := MustEndpoint(t, always(http.StatusOK))
	topic := c.MustTopic(t)
	c.MustSubscribe(t, topic, pushTo(e), func(s *pb.Subscription) { s.EnableMessageOrdering = true })
	for i := range 20 {
		c.MustPublish(t, topic, &pb.PubsubMessage{Data: []byte{byte(i)}, OrderingKey: "k"})
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	last := byte(0)
	for _, p := range e.MustReceiveN(t, 40) {
		if now := p.Body.Message.Data[0]; now < last {
			t.Errorf("message %d came after %d", now, last)
		} else {
			last = now
		}
	}
}

func TestPoisonReachesItsDeadLetterTopicWithTheReason(t *testing.T) {
	t.Parallel()
	_, c := MustConnectNew(t, pubsub.Options{Duplicate: true, Shuffle: true})
	e := MustEndpoint(t, always(http.StatusTeapot))
	topic, deadLetters := c.MustTopic(t), c.MustTopic(t)
	graveyard := c.MustSubscribe(t, deadLetters)
	c.MustSubscribe(t, topic, pushTo(e), soon, deadLetterTo(deadLetters))
	c.MustPublish(t, topic, text("poison"))
	m := c.MustPull(t, graveyard).GetMessage()
	if got := m.GetAttributes()["CloudPubSubDeadLetterSourceDeliveryErrorMessage"]; got != "the push endpoint answered 418 I'm a teapot" {
		t.Errorf("reason = %q", got)
	}
}

func TestEndpointThatIsDownIsTriedAgain(t *testing.T) {
	t.Parallel()
	b, c := MustConnectNew(t, pubsub.Options{})
	topic := c.MustTopic(t)
	name := c.MustSubscribe(t, topic, soon, func(s *pb.Subscription) {
		s.PushConfig = &pb.PushConfig{PushEndpoint: "http://127.0.0.1:1"} // nobody listens there
	})
	c.MustPublish(t, topic, text("patient"))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := b.Idle(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("idle = %v, though a message is undelivered", err)
	}
	e := MustEndpoint(t, always(http.StatusOK))
	err := c.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pb.ModifyPushConfigRequest{
		Subscription: name, PushConfig: &pb.PushConfig{PushEndpoint: e.URL}})
	if err != nil {
		t.Fatal(err)
	}
	e.MustReceive(t)
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestPushesInFlightAreBounded(t *testing.T) {
	t.Parallel()
	_, c := MustConnectNew(t, pubsub.Options{})
	var inFlight, most atomic.Int64
	release := make(chan struct{})
	e := MustEndpoint(t, func(http.ResponseWriter, *http.Request, pushed) {
		most.Store(max(most.Load(), inFlight.Add(1)))
		<-release
		inFlight.Add(-1)
	})
	topic := c.MustTopic(t)
	c.MustSubscribe(t, topic, pushTo(e))
	for i := range 50 {
		c.MustPublish(t, topic, text(fmt.Sprint(i)))
	}
	e.MustReceiveN(t, 10) // what a new subscription may have in flight
	if got := most.Load(); got > 10 {
		t.Errorf("%d pushes at once before the first acknowledgement", got)
	}
	close(release)
	e.MustReceiveN(t, 40)
}

func TestListsAndDeletes(t *testing.T) {
	t.Parallel()
	_, c := MustConnectNew(t, pubsub.Options{Dir: t.TempDir()})
	topic := c.MustTopic(t)
	var want []string
	for range 5 {
		want = append(want, c.MustSubscribe(t, topic))
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
	if !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	c.MustPublish(t, topic, text("dropped"))
	if err := c.TopicAdminClient.DeleteTopic(t.Context(), &pb.DeleteTopicRequest{Topic: topic}); err != nil {
		t.Fatal(err)
	}
	s, err := c.SubscriptionAdminClient.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: want[0]})
	if err != nil || s.GetTopic() != "_deleted-topic_" {
		t.Errorf("subscription of a deleted topic = %v, %v", s, err)
	}
	if got := string(c.MustPull(t, want[0]).GetMessage().GetData()); got != "dropped" {
		t.Errorf("pulled %q: a subscription keeps what it had", got)
	}
	if err := c.SubscriptionAdminClient.DeleteSubscription(t.Context(), &pb.DeleteSubscriptionRequest{Subscription: want[0]}); err != nil {
		t.Fatal(err)
	}
	_, err = c.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{Subscription: want[0], MaxMessages: 1})
	if status.Code(err) != codes.NotFound {
		t.Errorf("pull from a deleted subscription: %v", err)
	}
}

func TestSeekDropsWhatIsOlder(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var offset atomic.Int64
	_, c := MustConnectNew(t, pubsub.Options{Clock: func() time.Time { return now.Add(time.Duration(offset.Load())) }})
	topic := c.MustTopic(t)
	name := c.MustSubscribe(t, topic)
	c.MustPublish(t, topic, text("old"))
	offset.Store(int64(time.Minute))
	c.MustPublish(t, topic, text("new"))
	_, err := c.SubscriptionAdminClient.Seek(t.Context(), &pb.SeekRequest{
		Subscription: name, Target: &pb.SeekRequest_Time{Time: timestamppb.New(now.Add(time.Second))}})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(c.MustPull(t, name).GetMessage().GetData()); got != "new" {
		t.Errorf("pulled %q, want the newer message", got)
	}
}

package pubsub_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"souk/emulators/pubsub"
)

func TestPublishedMessagesSurviveAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, kill := mustStartProcess(t, dir)
	c := mustConnect(t, addr)
	down := mustEndpoint(t, always(http.StatusServiceUnavailable))
	topic := c.mustTopic(t)
	push := c.mustSubscribe(t, topic, pushTo(down), soon)
	pull := c.mustSubscribe(t, topic)
	var ids []string
	for i := range 100 {
		ids = append(ids, c.mustPublish(t, topic, text(fmt.Sprint(i))))
	}
	acknowledged := c.mustPull(t, pull)
	c.mustAck(t, pull, acknowledged)
	kill()

	up := mustEndpoint(t, always(http.StatusOK))
	b := mustStart(t, pubsub.Options{Dir: dir})
	c = mustConnect(t, b.Addr())
	err := c.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pb.ModifyPushConfigRequest{
		Subscription: push, PushConfig: &pb.PushConfig{PushEndpoint: up.URL}})
	if err != nil {
		t.Fatal(err)
	}
	pushedIDs := map[string]bool{}
	for _, p := range up.mustReceiveSeveral(t, len(ids)) {
		pushedIDs[p.Body.Message.MessageID] = true
	}
	pulled := map[string]bool{}
	for range len(ids) - 1 {
		pulled[c.mustPull(t, pull).GetMessage().GetMessageId()] = true
	}
	for _, id := range ids {
		if want := id != acknowledged.GetMessage().GetMessageId(); pulled[id] != want {
			t.Errorf("message %s is unacknowledged: %v, want %v", id, pulled[id], want)
		}
		if !pushedIDs[id] {
			t.Errorf("message %s was not pushed", id)
		}
	}
}

func TestUndeliveredMessagesArePushedAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := mustEndpoint(t, respondWith(func(p pushed) int {
		if p.Nth <= 3 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}))
	addr, kill := mustStartProcess(t, dir)
	c := mustConnect(t, addr)
	topic := c.mustTopic(t)
	c.mustSubscribe(t, topic, pushTo(e), retryEvery(time.Second), deadLetterTo(c.mustTopic(t)))
	id := c.mustPublish(t, topic, &pb.PubsubMessage{Data: []byte("stored"), Attributes: map[string]string{"a": "b"}})
	first := e.mustReceiveSeveral(t, 2)[0]
	kill()

	b := mustStart(t, pubsub.Options{Dir: dir})
	third := e.mustReceive(t)
	if third.Body.Message.MessageID != id || third.Body.Message.PublishTime != first.Body.Message.PublishTime {
		t.Errorf("push after the restart: %s, before: %s", third.Raw, first.Raw)
	}
	if attempt := third.Body.DeliveryAttempt; attempt != 1 {
		t.Errorf("deliveryAttempt = %d after the restart, want 1", attempt)
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestEndpointsAreSetBeforeTheFirstDelivery restarts a broker as the local system
// does: its functions have other ports in each run. A process that listens on a port
// of an earlier run receives no pushes.
func TestEndpointsAreSetBeforeTheFirstDelivery(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	previous := mustEndpoint(t, always(http.StatusServiceUnavailable))
	addr, kill := mustStartProcess(t, dir)
	c := mustConnect(t, addr)
	topic, deadLetters := c.mustTopic(t), c.mustTopic(t)
	push := c.mustSubscribe(t, topic, pushTo(previous), retryEvery(time.Minute), deadLetterTo(deadLetters))
	pull := c.mustSubscribe(t, topic)
	id := c.mustPublish(t, topic, text("waits"))
	previous.mustReceive(t)
	kill()

	b := mustStart(t, pubsub.Options{Dir: dir, StartPaused: true})
	c = mustConnect(t, b.Addr())
	// All operations that may deliver: an update, a publish, a pull.
	other := c.mustPublish(t, topic, text("published while paused"))
	response, err := c.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{
		Subscription: pull, MaxMessages: 10, ReturnImmediately: true}) //nolint:staticcheck // Deprecated, but the only way not to wait.
	if err != nil || len(response.GetReceivedMessages()) > 0 {
		t.Errorf("pull = %v, %v, want no message while paused", response, err)
	}
	current := mustEndpoint(t, always(http.StatusOK))
	err = c.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pb.ModifyPushConfigRequest{
		Subscription: push, PushConfig: &pb.PushConfig{PushEndpoint: current.URL}})
	if err != nil {
		t.Fatal(err)
	}
	b.Resume()
	for _, p := range current.mustReceiveSeveral(t, 2) {
		if p.Body.Message.MessageID != id && p.Body.Message.MessageID != other || p.Body.DeliveryAttempt != 1 || p.Nth != 1 {
			t.Errorf("push %d: %s, want each message once, at its first attempt", p.Nth, p.Raw)
		}
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := previous.Count(id); n != 1 {
		t.Errorf("the endpoint of the earlier run received the message %d times, want once, before the restart", n)
	}
	c.mustPull(t, pull)
}

func TestFullDiskFailsPublish(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, kill := mustStartProcess(t, dir, helperLimit+"=20000")
	// The generated client does not retry; the other one retries for a minute.
	connection, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	c := mustConnect(t, addr)
	topic := c.mustTopic(t)
	name := c.mustSubscribe(t, topic)
	var published []string
	for {
		response, err := pb.NewPublisherClient(connection).Publish(t.Context(), &pb.PublishRequest{
			Topic: topic, Messages: []*pb.PubsubMessage{text(strings.Repeat("x", 700))}})
		if err != nil {
			if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "journal") {
				t.Errorf("error = %v, want Unavailable with the reason", err)
			}
			break
		}
		if published = append(published, response.GetMessageIds()...); len(published) > 100 {
			t.Fatal("20,000 bytes hold more than 100 messages of 700: the limit did not work")
		}
	}
	// A smaller record still fits: no part of the failed one is in the journal.
	published = append(published, c.mustPublish(t, topic, text("small")))
	kill()

	c = mustConnect(t, mustStart(t, pubsub.Options{Dir: dir}).Addr())
	var got []string
	for range published {
		got = append(got, c.mustPull(t, name).GetMessage().GetMessageId())
	}
	slices.Sort(got)
	if !slices.Equal(got, published) {
		t.Errorf("stored %v\nwant the acknowledged messages %v", got, published)
	}
}

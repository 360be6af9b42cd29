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

func TestNothingPublishedIsLostByAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, kill := MustStartProcess(t, dir)
	c := MustConnect(t, addr)
	down := MustEndpoint(t, always(http.StatusServiceUnavailable))
	topic := c.MustTopic(t)
	push := c.MustSubscribe(t, topic, pushTo(down), soon)
	pull := c.MustSubscribe(t, topic)
	var ids []string
	for i := range 100 {
		ids = append(ids, c.MustPublish(t, topic, text(fmt.Sprint(i))))
	}
	acknowledged := c.MustPull(t, pull)
	c.MustAck(t, pull, acknowledged)
	kill()

	up := MustEndpoint(t, always(http.StatusOK))
	b := MustStart(t, pubsub.Options{Dir: dir})
	c = MustConnect(t, b.Addr())
	err := c.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pb.ModifyPushConfigRequest{
		Subscription: push, PushConfig: &pb.PushConfig{PushEndpoint: up.URL}})
	if err != nil {
		t.Fatal(err)
	}
	pushedIDs := map[string]bool{}
	for _, p := range up.MustReceiveN(t, len(ids)) {
		pushedIDs[p.Body.Message.MessageID] = true
	}
	left := map[string]bool{}
	for range len(ids) - 1 {
		left[c.MustPull(t, pull).GetMessage().GetMessageId()] = true
	}
	for _, id := range ids {
		if want := id != acknowledged.GetMessage().GetMessageId(); left[id] != want {
			t.Errorf("message %s is left: %v, want %v", id, left[id], want)
		}
		if !pushedIDs[id] {
			t.Errorf("message %s was not pushed", id)
		}
	}
}

func TestUndeliveredIsPushedAfterARestart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e := MustEndpoint(t, statusOf(func(p pushed) int {
		if p.Nth <= 3 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}))
	addr, kill := MustStartProcess(t, dir)
	c := MustConnect(t, addr)
	topic := c.MustTopic(t)
	c.MustSubscribe(t, topic, pushTo(e), retryEvery(time.Second), deadLetterTo(c.MustTopic(t)))
	id := c.MustPublish(t, topic, &pb.PubsubMessage{Data: []byte("kept"), Attributes: map[string]string{"a": "b"}})
	first := e.MustReceiveN(t, 2)[0]
	kill()

	b := MustStart(t, pubsub.Options{Dir: dir})
	third := e.MustReceive(t)
	if third.Body.Message.MessageID != id || third.Body.Message.PublishTime != first.Body.Message.PublishTime {
		t.Errorf("push after the restart: %s, before: %s", third.Raw, first.Raw)
	}
	if attempt := third.Body.DeliveryAttempt; attempt != 1 {
		t.Errorf("deliveryAttempt = %d after the restart, want the count to start afresh", attempt)
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestEndpointsAreSetBeforeTheFirstDelivery restarts a broker as the local system
// does: its functions have other ports in each run. Whatever listens on the ports
// of the run before gets nothing.
func TestEndpointsAreSetBeforeTheFirstDelivery(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	former := MustEndpoint(t, always(http.StatusServiceUnavailable))
	addr, kill := MustStartProcess(t, dir)
	c := MustConnect(t, addr)
	topic, deadLetters := c.MustTopic(t), c.MustTopic(t)
	push := c.MustSubscribe(t, topic, pushTo(former), retryEvery(time.Minute), deadLetterTo(deadLetters))
	pull := c.MustSubscribe(t, topic)
	id := c.MustPublish(t, topic, text("waits"))
	former.MustReceive(t)
	kill()

	b := MustStart(t, pubsub.Options{Dir: dir, StartPaused: true})
	c = MustConnect(t, b.Addr())
	// All that may deliver: an update, a publish, a pull.
	other := c.MustPublish(t, topic, text("published while paused"))
	response, err := c.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{
		Subscription: pull, MaxMessages: 10, ReturnImmediately: true}) //nolint:staticcheck // Deprecated, and the way not to wait.
	if err != nil || len(response.GetReceivedMessages()) > 0 {
		t.Errorf("pull = %v, %v, want nothing while paused", response, err)
	}
	current := MustEndpoint(t, always(http.StatusOK))
	err = c.SubscriptionAdminClient.ModifyPushConfig(t.Context(), &pb.ModifyPushConfigRequest{
		Subscription: push, PushConfig: &pb.PushConfig{PushEndpoint: current.URL}})
	if err != nil {
		t.Fatal(err)
	}
	b.Resume()
	for _, p := range current.MustReceiveN(t, 2) {
		if p.Body.Message.MessageID != id && p.Body.Message.MessageID != other || p.Body.DeliveryAttempt != 1 || p.Nth != 1 {
			t.Errorf("push %d: %s, want each message once, at its first attempt", p.Nth, p.Raw)
		}
	}
	if err := b.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := former.Count(id); n != 1 {
		t.Errorf("the endpoint of the former run got the message %d times, want once, before the restart", n)
	}
	c.MustPull(t, pull)
}

func TestFullDiskIsToldToThePublisher(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, kill := MustStartProcess(t, dir, helperLimit+"=20000")
	// The plain client: the other one retries for a minute.
	connection, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	c := MustConnect(t, addr)
	topic := c.MustTopic(t)
	name := c.MustSubscribe(t, topic)
	var kept []string
	for {
		response, err := pb.NewPublisherClient(connection).Publish(t.Context(), &pb.PublishRequest{
			Topic: topic, Messages: []*pb.PubsubMessage{text(strings.Repeat("x", 700))}})
		if err != nil {
			if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "journal") {
				t.Errorf("error = %v, want Unavailable and the reason", err)
			}
			break
		}
		if kept = append(kept, response.GetMessageIds()...); len(kept) > 100 {
			t.Fatal("20,000 bytes hold more than 100 messages of 700: the limit did not work")
		}
	}
	// A smaller record still fits: the failed one left no half behind.
	kept = append(kept, c.MustPublish(t, topic, text("small")))
	kill()

	c = MustConnect(t, MustStart(t, pubsub.Options{Dir: dir}).Addr())
	var got []string
	for range kept {
		got = append(got, c.MustPull(t, name).GetMessage().GetMessageId())
	}
	slices.Sort(got)
	if !slices.Equal(got, kept) {
		t.Errorf("kept %v\nwant what was acknowledged to the publisher, %v", got, kept)
	}
}

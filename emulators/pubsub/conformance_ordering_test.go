package pubsub_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	client "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

func ordered(s *pb.Subscription) { s.EnableMessageOrdering = true }

// publishKeys publishes n messages of each key, in one request.
func (b *bench) publishKeys(t *testing.T, topic string, n int, keys ...string) {
	t.Helper()
	var messages []*pb.PubsubMessage
	for i := range n {
		for _, key := range keys {
			messages = append(messages, &pb.PubsubMessage{Data: fmt.Appendf(nil, "%s%d", key, i), OrderingKey: key})
		}
	}
	b.mustPublishAll(t, topic, messages...)
}

// mustPullAll waits for n messages of a pull subscription.
func (b *bench) mustPullAll(t *testing.T, subscription string, n int) []*pb.ReceivedMessage {
	t.Helper()
	got := []*pb.ReceivedMessage{b.mustPull(t, subscription)}
	for len(got) < n {
		got = append(got, b.mustPull(t, subscription))
	}
	return got
}

// pullNow returns the messages that are ready, without waiting.
func (b *bench) pullNow(t *testing.T, subscription string, limit int32) []*pb.ReceivedMessage {
	t.Helper()
	response, err := b.SubscriptionAdminClient.Pull(t.Context(), &pb.PullRequest{
		Subscription: subscription, MaxMessages: limit,
		ReturnImmediately: true, //nolint:staticcheck // Deprecated by the API, but the only way to see that nothing is ready.
	})
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	return response.GetReceivedMessages()
}

// texts returns the data of messages as text.
func texts(messages []*pb.ReceivedMessage) []string {
	var list []string
	for _, m := range messages {
		list = append(list, string(m.GetMessage().GetData()))
	}
	return list
}

// testOrderedPull pulls several messages of a key at a time. As long as they are
// outstanding, no other pull receives more of the key.
func testOrderedPull(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic, ordered)
	b.publishKeys(t, topic, 5, "k")
	first := b.pullNow(t, name, 3)
	if want := []string{"k0", "k1", "k2"}; !slices.Equal(texts(first), want) {
		t.Fatalf("pulled %v, want %v", texts(first), want)
	}
	if more := b.pullNow(t, name, 3); len(more) > 0 {
		t.Errorf("pulled %v while messages of the key were outstanding", texts(more))
	}
	for _, m := range first {
		b.mustAck(t, name, m)
	}
	for _, want := range []string{"k3", "k4"} {
		m := b.mustPull(t, name)
		if got := string(m.GetMessage().GetData()); got != want {
			t.Errorf("pulled %s, want %s", got, want)
		}
		b.mustAck(t, name, m)
	}
}

// testOrderedRedelivery returns the first of several messages of a key. It is
// delivered again before those after it, and these are delivered again as well.
func testOrderedRedelivery(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic, ordered)
	b.publishKeys(t, topic, 3, "k")
	first := b.pullNow(t, name, 3)
	if len(first) != 3 {
		t.Fatalf("pulled %v, want all three", texts(first))
	}
	err := b.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), &pb.ModifyAckDeadlineRequest{
		Subscription: name, AckIds: []string{first[0].GetAckId()}})
	if err != nil {
		t.Fatal(err)
	}
	var again []string
	for range first {
		m := b.mustPull(t, name)
		again = append(again, string(m.GetMessage().GetData()))
		b.mustAck(t, name, m)
	}
	if slices.Equal(again, []string{"k0", "k1", "k2"}) == b.lacks[orderEndsWithNack] {
		t.Errorf("pulled %v after k0 was returned; known difference: %v", again, b.lacks[orderEndsWithNack])
	}
}

// testOrderedStream receives 1,000 messages of two keys with the client's Receive.
func testOrderedStream(t *testing.T, b broker) {
	const messages = 500
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic, ordered)
	b.publishKeys(t, topic, messages, "a", "b")
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	var mu sync.Mutex
	got := map[string][]string{}
	err := b.Subscriber(name).Receive(ctx, func(_ context.Context, m *client.Message) {
		mu.Lock()
		defer mu.Unlock()
		m.Ack()
		if got[m.OrderingKey] = append(got[m.OrderingKey], string(m.Data)); len(got["a"])+len(got["b"]) == 2*messages {
			cancel()
		}
	})
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	for _, key := range []string{"a", "b"} {
		var want []string
		for i := range messages {
			want = append(want, fmt.Sprint(key, i))
		}
		if !slices.Equal(got[key], want) {
			t.Errorf("key %s: got %v, want each message once, in order", key, got[key])
		}
	}
}

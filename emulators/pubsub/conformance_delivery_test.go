package pubsub_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func deadLetterTo(topic string) func(*pb.Subscription) {
	return func(s *pb.Subscription) {
		s.DeadLetterPolicy = &pb.DeadLetterPolicy{DeadLetterTopic: topic, MaxDeliveryAttempts: 5}
	}
}

func testAttemptsBySubscription(t *testing.T, b broker) {
	topic, deadLetters := b.mustTopic(t), b.mustTopic(t)
	healthy, failing := mustEndpoint(t, always(http.StatusOK)), mustEndpoint(t, failFirst(2))
	b.mustSubscribe(t, topic, pushTo(healthy), soon, deadLetterTo(deadLetters))
	b.mustSubscribe(t, topic, pushTo(failing), soon, deadLetterTo(deadLetters))
	id := b.mustPublish(t, topic, text("twice failed"))
	for want := 1; want <= 3; want++ {
		failing.mustReceive(t).requireAttempt(t, b, want)
	}
	healthy.mustReceive(t).requireAttempt(t, b, 1)
	if got := healthy.Count(id); got != 1 {
		t.Errorf("the healthy endpoint received the message %d times, want once", got)
	}
}

func testDeadLetter(t *testing.T, b broker) {
	topic, deadLetters := b.mustTopic(t), b.mustTopic(t)
	graveyard := b.mustSubscribe(t, deadLetters)
	e := mustEndpoint(t, always(http.StatusInternalServerError))
	name := b.mustSubscribe(t, topic, pushTo(e), soon, deadLetterTo(deadLetters))
	published := time.Now()
	id := b.mustPublish(t, topic, &pb.PubsubMessage{Data: []byte("poison"), Attributes: map[string]string{"type": "order-placed"}})

	letter := b.mustPull(t, graveyard)
	if got := e.Count(id); got != 5 {
		t.Errorf("the message was tried %d times, want 5", got)
	}
	m := letter.GetMessage()
	if string(m.GetData()) != "poison" || m.GetAttributes()["type"] != "order-placed" {
		t.Errorf("dead letter = %v", m)
	}
	if letter.GetDeliveryAttempt() != 0 {
		t.Errorf("delivery attempt = %d on a subscription without a dead-letter policy", letter.GetDeliveryAttempt())
	}
	testDeadLetterAttributes(t, m.GetAttributes(), name, published)
	b.mustAck(t, graveyard, letter)
}

func testDeadLetterAttributes(t *testing.T, attributes map[string]string, subscription string, published time.Time) {
	const prefix = "CloudPubSubDeadLetterSource"
	short := subscription[strings.LastIndex(subscription, "/")+1:]
	want := map[string]string{prefix + "DeliveryCount": "5", prefix + "Subscription": short, prefix + "SubscriptionProject": project}
	for key, value := range want {
		if attributes[key] != value {
			t.Errorf("%s = %q, want %q", key, attributes[key], value)
		}
	}
	at, err := time.Parse(time.RFC3339Nano, attributes[prefix+"TopicPublishTime"])
	if err != nil || at.Sub(published).Abs() > time.Minute {
		t.Errorf("%sTopicPublishTime = %q, want about %v: %v", prefix, attributes[prefix+"TopicPublishTime"], published, err)
	}
}

// filterMessages differ in the attribute name.
var filterMessages = []*pb.PubsubMessage{
	{Attributes: map[string]string{"name": "plain"}},
	{Attributes: map[string]string{"name": "placed", "type": "order-placed"}},
	{Attributes: map[string]string{"name": "cancelled", "type": "order-cancelled", "region": "eu"}},
	{Attributes: map[string]string{"name": "changed", "type": "product-changed", "region": "eu"}},
}

// filters are filter expressions and the messages that they match.
var filters = map[string][]string{
	`attributes:type`:                                                           {"placed", "cancelled", "changed"},
	`attributes.type = "order-placed"`:                                          {"placed"},
	`attributes.type != "order-placed"`:                                         {"plain", "cancelled", "changed"},
	`hasPrefix(attributes.type, "order-")`:                                      {"placed", "cancelled"},
	`NOT attributes:type`:                                                       {"plain"},
	`-attributes:region`:                                                        {"plain", "placed"},
	`attributes:region AND hasPrefix(attributes.type, "order-")`:                {"cancelled"},
	`attributes:region AND NOT (attributes.type = "a" OR attributes:missing)`:   {"cancelled", "changed"},
	`attributes.type = "order-placed" OR attributes."type" = "product-changed"`: {"placed", "changed"},
}

func testFilter(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	subscriptions := map[string]string{}
	for filter := range filters {
		subscriptions[filter] = b.mustSubscribe(t, topic, func(s *pb.Subscription) { s.Filter = filter })
	}
	b.mustPublishAll(t, topic, filterMessages...)
	for filter, want := range filters {
		t.Run(filter, func(t *testing.T) {
			if b.lacks[filtersAreIgnored] {
				want = []string{"plain", "placed", "cancelled", "changed"}
			}
			var got []string
			for range want {
				m := b.mustPull(t, subscriptions[filter])
				got = append(got, m.GetMessage().GetAttributes()["name"])
				b.mustAck(t, subscriptions[filter], m)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got %v, want %v; known difference: %v", got, want, b.lacks[filtersAreIgnored])
			}
		})
	}
	t.Run("a malformed filter is rejected", func(t *testing.T) {
		_, err := b.SubscriptionAdminClient.CreateSubscription(t.Context(), &pb.Subscription{
			Name: "projects/" + project + "/subscriptions/" + b.name(t), Topic: topic, Filter: `attributes.type = `})
		want := codes.InvalidArgument
		if b.lacks[filtersAreIgnored] {
			want = codes.OK
		}
		if status.Code(err) != want {
			t.Errorf("error = %v, want %v", err, want)
		}
	})
}

// testOrderingKey fails the first push of each message: no later message of the key
// may overtake it, regardless of other keys.
func testOrderingKey(t *testing.T, b broker) {
	const messages = 4
	e := mustEndpoint(t, failFirst(1))
	topic := b.mustTopic(t)
	b.mustSubscribe(t, topic, pushTo(e), soon, func(s *pb.Subscription) { s.EnableMessageOrdering = true })
	for i := range messages {
		for _, key := range []string{"a", "b"} {
			b.mustPublish(t, topic, &pb.PubsubMessage{Data: []byte(fmt.Sprint(key, i)), OrderingKey: key})
		}
	}
	seen := map[string][]string{}
	for _, p := range e.mustReceiveSeveral(t, 2*2*messages) {
		key := p.Data()[:1]
		seen[key] = append(seen[key], p.Data())
		if matches := p.Body.Message.OrderingKey == key; matches == b.lacks[noOrderingKey] {
			t.Errorf("orderingKey = %q; known difference: %v", p.Body.Message.OrderingKey, b.lacks[noOrderingKey])
		}
	}
	for _, key := range []string{"a", "b"} {
		var want []string
		for i := range messages {
			want = append(want, fmt.Sprint(key, i), fmt.Sprint(key, i))
		}
		if !slices.Equal(seen[key], want) {
			t.Errorf("key %s: pushes %v, want each repeated before the next: %v", key, seen[key], want)
		}
	}
}

func testFanOut(t *testing.T, b broker) {
	const subscribers, messages = 4, 25
	topic := b.mustTopic(t)
	var endpoints []*endpoint
	for range subscribers {
		endpoints = append(endpoints, mustEndpoint(t, always(http.StatusNoContent)))
		b.mustSubscribe(t, topic, pushTo(endpoints[len(endpoints)-1]))
	}
	other := b.mustSubscribe(t, b.mustTopic(t), pushTo(endpoints[0]))
	for i := range messages {
		b.mustPublish(t, topic, text(fmt.Sprint(i)))
	}
	for i, e := range endpoints {
		got := map[string]bool{}
		for _, p := range e.mustReceiveSeveral(t, messages) {
			got[p.Data()] = true
			if p.Body.Subscription == other {
				t.Error("a subscription of another topic received the message")
			}
		}
		if len(got) != messages {
			t.Errorf("subscriber %d received %d of %d messages", i, len(got), messages)
		}
	}
}

func testPull(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic, deadLetterTo(b.mustTopic(t)))
	id := b.mustPublish(t, topic, &pb.PubsubMessage{Data: []byte("pulled"), Attributes: map[string]string{"a": "b"}})
	first := b.mustPull(t, name)
	if m := first.GetMessage(); m.GetMessageId() != id || string(m.GetData()) != "pulled" || m.GetAttributes()["a"] != "b" {
		t.Errorf("message = %v", m)
	}
	err := b.SubscriptionAdminClient.ModifyAckDeadline(t.Context(), &pb.ModifyAckDeadlineRequest{Subscription: name, AckIds: []string{first.GetAckId()}})
	if err != nil {
		t.Fatalf("return the message: %v", err)
	}
	second := b.mustPull(t, name)
	if second.GetMessage().GetMessageId() != id || second.GetDeliveryAttempt() != first.GetDeliveryAttempt()+1 {
		t.Errorf("pulled %v after %v, want the same message at the next attempt", second, first)
	}
	b.mustAck(t, name, second)
	next := b.mustPublish(t, topic, text("next"))
	if got := b.mustPull(t, name).GetMessage().GetMessageId(); got != next {
		t.Errorf("pulled %s, want the next message %s: the first is acknowledged", got, next)
	}
}

// testStreamingPull uses the client's Receive, returns each message once, and expects
// all of them again.
func testStreamingPull(t *testing.T, b broker) {
	const messages = 200
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic)
	want := map[string]bool{}
	for i := range messages {
		want[b.mustPublish(t, topic, text(fmt.Sprint(i)))] = true
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	var mu sync.Mutex
	seen, acknowledged := map[string]int{}, map[string]bool{}
	err := b.Subscriber(name).Receive(ctx, func(_ context.Context, m *client.Message) {
		mu.Lock()
		defer mu.Unlock()
		if seen[m.ID]++; seen[m.ID] == 1 {
			m.Nack()
			return
		}
		m.Ack()
		if acknowledged[m.ID] = true; len(acknowledged) == messages {
			cancel()
		}
	})
	if err != nil {
		t.Fatalf("receive: %v", err)
	}
	for id := range want {
		if !acknowledged[id] {
			t.Errorf("message %s was not delivered twice", id)
		}
	}
}

package pubsub

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
)

// TestWakeUps counts how often the timekeeper checks the queues while a message waits
// for its next attempt: a few times an attempt, and never in a loop.
func TestWakeUps(t *testing.T) {
	t.Parallel()
	const attempts = 10
	pushes := make(chan struct{}, 10*attempts)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		pushes <- struct{}{}
	}))
	t.Cleanup(server.Close)
	b, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(t.Context()); err != nil {
			t.Log(err) // the message is still being retried
		}
	})
	backoff := durationpb.New(50 * time.Millisecond)
	mustCreate(t, b, "topic", &pb.Subscription{
		PushConfig:  &pb.PushConfig{PushEndpoint: server.URL},
		RetryPolicy: &pb.RetryPolicy{MinimumBackoff: backoff, MaximumBackoff: backoff},
	})
	// A second queue waits for longer, so that a next due time always exists.
	mustCreate(t, b, "other", &pb.Subscription{PushConfig: &pb.PushConfig{PushEndpoint: "http://127.0.0.1:1"},
		RetryPolicy: &pb.RetryPolicy{MinimumBackoff: durationpb.New(time.Minute), MaximumBackoff: durationpb.New(time.Minute)}})
	for _, topic := range []string{"topic", "other"} {
		if _, err := (publisher{Broker: b}).Publish(t.Context(), &pb.PublishRequest{
			Topic: topicPath("p", topic), Messages: []*pb.PubsubMessage{{Data: []byte("waits")}}}); err != nil {
			t.Fatal(err)
		}
	}
	for range attempts {
		<-pushes
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if limit := 4*attempts + 10; b.wakeUps < attempts-1 || b.wakeUps > limit {
		t.Errorf("the timekeeper woke up %d times for %d attempts, want at most %d", b.wakeUps, attempts, limit)
	}
}

// TestCheckDoesNotWakeItself fails if a check of the queues triggers another one.
func TestCheckDoesNotWakeItself(t *testing.T) {
	t.Parallel()
	b := newBroker(Options{})
	mustCreate(t, b, "topic", &pb.Subscription{PushConfig: &pb.PushConfig{PushEndpoint: "http://127.0.0.1:1"}})
	s := b.subscriptions[subscriptionPath("p", "topic")]
	due := b.now().Add(time.Hour)
	s.queue.add(newDelivery(1, ""), due)
	next, ok := b.checkQueues()
	if !ok || next < 59*time.Minute || next > time.Hour {
		t.Errorf("next check after %v, %t, want an hour", next, ok)
	}
	if len(b.alarm) > 0 {
		t.Error("the check woke the timekeeper again")
	}
	if b.wake(due.Add(-time.Minute)); len(b.alarm) != 1 {
		t.Error("an earlier due time did not wake the timekeeper")
	}
}

// mustCreate creates a topic and a subscription with the same name in project p.
func mustCreate(t *testing.T, b *Broker, name string, config *pb.Subscription) {
	t.Helper()
	if _, err := (publisher{Broker: b}).CreateTopic(t.Context(), &pb.Topic{Name: topicPath("p", name)}); err != nil {
		t.Fatal(err)
	}
	config.Name, config.Topic = subscriptionPath("p", name), topicPath("p", name)
	if _, err := (subscriber{Broker: b}).CreateSubscription(t.Context(), config); err != nil {
		t.Fatal(err)
	}
}

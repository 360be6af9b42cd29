package pubsub_test

import (
	"net/http"
	"testing"

	"souk/emulators/pubsub"
)

// TestStats requires that every message is counted where it is: published, in the backlog,
// acknowledged, failed, dead-lettered.
func TestStats(t *testing.T) {
	t.Parallel()
	broker, b := mustConnectNew(t, pubsub.Options{})
	topic, letters := b.mustTopic(t), b.mustTopic(t)
	stored := b.mustSubscribe(t, letters)
	e := mustEndpoint(t, always(http.StatusOK))
	b.mustSubscribe(t, topic, pushTo(e))
	poison := mustEndpoint(t, always(http.StatusTeapot))
	b.mustSubscribe(t, topic, pushTo(poison), soon, deadLetterTo(letters))
	b.mustPublish(t, topic, text("one"))
	b.mustPull(t, stored)
	if err := broker.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}

	var sum pubsub.SubscriptionStats
	stats := broker.Stats()
	for _, s := range stats.Subscriptions {
		sum.Backlog += s.Backlog
		sum.Acknowledged += s.Acknowledged
		sum.Failed += s.Failed
		sum.DeadLettered += s.DeadLettered
		sum.PushSeconds += s.PushSeconds
		if s.Backlog > 0 && s.OldestSeconds <= 0 {
			t.Errorf("subscription %s has a message of age %v", s.Name, s.OldestSeconds)
		}
	}
	if sum.Backlog != 1 || sum.Acknowledged != 1 || sum.Failed != 5 || sum.DeadLettered != 1 || sum.PushSeconds <= 0 {
		t.Errorf("stats of all subscriptions = %+v", sum)
	}
	for _, topic := range stats.Topics {
		if topic.Published != 1 {
			t.Errorf("topic %s: published %d, want 1", topic.Name, topic.Published)
		}
	}
}

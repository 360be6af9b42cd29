package pubsub

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Stats is the state of a broker's topics and subscriptions, each sorted by name.
type Stats struct {
	Topics        []TopicStats        `json:"topics"`
	Subscriptions []SubscriptionStats `json:"subscriptions"`
}

// TopicStats is the state of a topic.
type TopicStats struct {
	// Name is its id, without the project.
	Name string `json:"name"`
	// Published is the number of messages since the broker started. It never decreases.
	Published int64 `json:"published"`
}

// SubscriptionStats is the state of a subscription. The counters are since the broker
// started and never decrease.
type SubscriptionStats struct {
	// Name is its id, without the project; Topic and DeadLetterTopic are the ids of its topics.
	Name            string `json:"name"`
	Topic           string `json:"topic"`
	DeadLetterTopic string `json:"deadLetterTopic,omitempty"`
	// Push reports whether messages are pushed.
	Push bool `json:"push"`
	// Backlog is the number of unacknowledged messages, InFlight of those being pushed.
	Backlog  int `json:"backlog"`
	InFlight int `json:"inFlight"`
	// OldestSeconds is the age of the oldest unacknowledged message, 0 without one.
	OldestSeconds float64 `json:"oldestSeconds"`
	// MaxAttempts is the largest number of failed attempts of an unacknowledged message.
	MaxAttempts int `json:"maxAttempts"`

	Acknowledged int64 `json:"acknowledged"`
	Failed       int64 `json:"failed"`
	DeadLettered int64 `json:"deadLettered"`
	// PushSeconds is the total time of all pushes that ended.
	PushSeconds float64 `json:"pushSeconds"`
}

// subscriptionCounters are the counters of SubscriptionStats.
type subscriptionCounters struct {
	acknowledged, failed, deadLettered int64
	pushTime                           time.Duration
}

// Stats returns the current state. Its cost grows with the number of unacknowledged messages.
func (b *Broker) Stats() Stats {
	b.mu.Lock()
	defer b.mu.Unlock()
	stats := Stats{}
	for name, t := range b.topics {
		stats.Topics = append(stats.Topics, TopicStats{Name: shortName(name), Published: t.published})
	}
	now := b.now()
	for _, s := range b.subscriptions {
		stats.Subscriptions = append(stats.Subscriptions, s.stats(now))
	}
	slices.SortFunc(stats.Topics, func(one, other TopicStats) int { return cmp.Compare(one.Name, other.Name) })
	slices.SortFunc(stats.Subscriptions, func(one, other SubscriptionStats) int { return cmp.Compare(one.Name, other.Name) })
	return stats
}

func (s *subscription) stats(now time.Time) SubscriptionStats {
	stats := SubscriptionStats{
		Name: shortName(s.config.GetName()), Push: s.pushes(), Backlog: s.queue.size(), InFlight: s.inFlight,
		Acknowledged: s.counters.acknowledged, Failed: s.counters.failed, DeadLettered: s.counters.deadLettered,
		PushSeconds: s.counters.pushTime.Seconds(),
	}
	stats.Topic = shortName(s.config.GetTopic())
	stats.DeadLetterTopic = shortName(s.config.GetDeadLetterPolicy().GetDeadLetterTopic())
	for _, d := range s.queue.all {
		stats.OldestSeconds = max(stats.OldestSeconds, now.Sub(d.message.GetPublishTime().AsTime()).Seconds())
		stats.MaxAttempts = max(stats.MaxAttempts, d.failures)
	}
	return stats
}

// shortName returns the id at the end of a resource name.
func shortName(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

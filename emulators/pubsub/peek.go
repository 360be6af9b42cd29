package pubsub

import (
	"slices"
	"time"
)

// States of an unacknowledged message.
const (
	StateReady    = "ready"     // it is sent as soon as the subscriber has room
	StateWaiting  = "waiting"   // it is sent again at Due
	StateBlocked  = "blocked"   // an earlier message of its ordering key is not acknowledged
	StateInFlight = "in flight" // the subscriber has it
)

// Peeked is an unacknowledged message of a subscription.
type Peeked struct {
	// Subscription is the id of the subscription, without the project.
	Subscription string            `json:"subscription"`
	ID           string            `json:"id"`
	PublishTime  time.Time         `json:"publishTime"`
	Attributes   map[string]string `json:"attributes"`
	OrderingKey  string            `json:"orderingKey,omitempty"`
	Data         []byte            `json:"data"`
	// Attempt is the number of the current or next attempt, from 1.
	Attempt int    `json:"attempt"`
	State   string `json:"state"`
	// Due is when a waiting message is sent again, or when a pulled one returns to the
	// queue; else it is zero.
	Due time.Time `json:"due,omitzero"`
}

// Peek returns the oldest unacknowledged messages of a subscription, by its full name, and
// changes nothing. The caller must not change attributes or data.
func (b *Broker) Peek(subscription string, limit int) ([]Peeked, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.find(subscription)
	if err != nil {
		return nil, err
	}
	var oldest []*delivery
	for _, d := range s.queue.all {
		i, _ := slices.BinarySearchFunc(oldest, d, func(one, other *delivery) int {
			return compareIDs(one.message.GetMessageId(), other.message.GetMessageId())
		})
		if i < limit {
			oldest = slices.Insert(oldest, i, d)
			oldest = oldest[:min(len(oldest), limit)]
		}
	}
	peeked := make([]Peeked, len(oldest))
	for i, d := range oldest {
		peeked[i] = s.peek(d)
	}
	return peeked, nil
}

// PeekAll returns the unacknowledged messages of all subscriptions whose attributes match,
// and changes nothing. The caller must not change attributes or data.
func (b *Broker) PeekAll(match func(attributes map[string]string) bool) []Peeked {
	b.mu.Lock()
	defer b.mu.Unlock()
	var peeked []Peeked
	for _, s := range b.subscriptions {
		for _, d := range s.queue.all {
			if match(d.message.GetAttributes()) {
				peeked = append(peeked, s.peek(d))
			}
		}
	}
	return peeked
}

func (s *subscription) peek(d *delivery) Peeked {
	_, name := splitName(s.config.GetName())
	p := Peeked{
		Subscription: name, ID: d.message.GetMessageId(), PublishTime: d.message.GetPublishTime().AsTime(),
		Attributes: d.message.GetAttributes(), OrderingKey: d.message.GetOrderingKey(), Data: d.message.GetData(),
		Attempt: d.attempt(), State: StateReady,
	}
	switch d.state {
	case blocked:
		p.State = StateBlocked
	case out, acked:
		p.State = StateInFlight
	case waiting:
		p.State = StateWaiting
	case ready, settled:
	}
	if d.position >= 0 {
		p.Due = d.due
	}
	return p
}

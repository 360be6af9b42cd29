package pubsub

import (
	"maps"
	"slices"
	"strconv"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// trimFloor is the number of retained acknowledged messages below which expired ones
// are not searched for.
const trimFloor = 1000

// topic is a topic with its retained messages.
type topic struct {
	config *pb.Topic
	// retained are published messages, oldest first: those within the topic's retention,
	// and all since the oldest of its snapshots.
	retained []*pb.PubsubMessage
	// published is the number of messages since the broker started.
	published int64
}

// retains reports whether a topic has to store its published messages.
func (b *Broker) retains(topicName string) bool {
	t := b.topics[topicName]
	if t == nil {
		return false
	}
	_, ok := b.oldestSnapshot(topicName)
	return ok || t.config.GetMessageRetentionDuration() != nil
}

// oldestSnapshot returns the id of the last message before the oldest snapshot
// of a topic, if it has one.
func (b *Broker) oldestSnapshot(topicName string) (lastID int64, ok bool) {
	for _, snap := range b.snapshots {
		if snap.config.GetTopic() == topicName && (!ok || snap.lastID < lastID) {
			lastID, ok = snap.lastID, true
		}
	}
	return lastID, ok
}

// trimTopic removes messages that no seek can restore any more.
func (b *Broker) trimTopic(t *topic) {
	if len(t.retained) == 0 {
		return
	}
	start := t.retentionStart(b.now())
	lastID, ok := b.oldestSnapshot(t.config.GetName())
	n := 0
	for n < len(t.retained) && t.retained[n].GetPublishTime().AsTime().Before(start) && (!ok || messageNumber(t.retained[n]) <= lastID) {
		t.retained[n] = nil
		n++
	}
	t.retained = t.retained[n:]
}

// retentionStart is the publish time of the oldest message that the topic's own
// retention makes available.
func (t *topic) retentionStart(now time.Time) time.Time {
	retention := t.config.GetMessageRetentionDuration()
	if retention == nil {
		return now.Add(time.Hour) // no message is retained
	}
	return now.Add(-retention.AsDuration())
}

// since returns the retained messages with ids above id.
func (t *topic) since(id int64) []*pb.PubsubMessage {
	i, _ := slices.BinarySearchFunc(t.retained, id+1, func(m *pb.PubsubMessage, id int64) int {
		return int(min(max(messageNumber(m)-id, -1), 1))
	})
	return t.retained[i:]
}

// retain stores an acknowledged message, if the subscription's configuration requires it.
func (s *subscription) retain(m *pb.PubsubMessage) {
	if !s.config.GetRetainAckedMessages() || s.closed {
		return
	}
	if s.acked == nil {
		s.acked = map[string]*pb.PubsubMessage{}
	}
	s.acked[m.GetMessageId()] = m
}

// trimAcked removes retained acknowledged messages that are older than the
// subscription's retention. Unless always is set, it waits until trimAt is reached.
func (s *subscription) trimAcked(now time.Time, always bool) {
	if !always && len(s.acked) < max(trimFloor, s.trimAt) {
		return
	}
	start := now.Add(-s.config.GetMessageRetentionDuration().AsDuration())
	maps.DeleteFunc(s.acked, func(_ string, m *pb.PubsubMessage) bool { return m.GetPublishTime().AsTime().Before(start) })
	s.trimAt = 2 * len(s.acked)
}

// trimAll removes everything that has expired.
func (b *Broker) trimAll() {
	b.expireSnapshots()
	for _, t := range b.topics {
		b.trimTopic(t)
	}
	for _, s := range b.subscriptions {
		s.trimAcked(b.now(), true)
	}
}

// restorable finds a message that a seek of the subscription can restore.
func (b *Broker) restorable(s *subscription, id string) *pb.PubsubMessage {
	if m := s.acked[id]; m != nil {
		return m
	}
	if t := b.topics[s.config.GetTopic()]; t != nil {
		if number, err := strconv.ParseInt(id, 10, 64); err == nil {
			if later := t.since(number - 1); len(later) > 0 && later[0].GetMessageId() == id {
				return later[0]
			}
		}
	}
	for _, snap := range b.snapshots {
		if m := snap.backlog[id]; m != nil {
			return m
		}
	}
	return nil
}

// describe returns a subscription's configuration with its output-only fields.
func (b *Broker) describe(config *pb.Subscription) *pb.Subscription {
	t := b.topics[config.GetTopic()]
	if t == nil || t.config.GetMessageRetentionDuration() == nil {
		return config
	}
	config = proto.CloneOf(config)
	config.TopicMessageRetentionDuration = t.config.GetMessageRetentionDuration()
	return config
}

// messageNumber returns the id of a message of this broker as a number.
func messageNumber(m *pb.PubsubMessage) int64 {
	number, err := strconv.ParseInt(m.GetMessageId(), 10, 64)
	if err != nil {
		return 0 // unreachable: ids are checked on reading
	}
	return number
}

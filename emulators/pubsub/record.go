package pubsub

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// record is one line of the journal. Exactly one of its fields is set.
type record struct {
	Header              *headerRecord   `json:"header,omitempty"`
	Topic               *configRecord   `json:"topic,omitempty"`
	TopicDeleted        string          `json:"topicDeleted,omitempty"`
	Subscription        *configRecord   `json:"subscription,omitempty"`
	SubscriptionDeleted string          `json:"subscriptionDeleted,omitempty"`
	Snapshot            *snapshotRecord `json:"snapshot,omitempty"`
	SnapshotDeleted     string          `json:"snapshotDeleted,omitempty"`
	Message             *messageRecord  `json:"message,omitempty"`
	Failed              *failedRecord   `json:"failed,omitempty"`
	Settled             *settledRecord  `json:"settled,omitempty"`
	Restored            *restoredRecord `json:"restored,omitempty"`
}

// headerRecord is the first record of a journal.
type headerRecord struct {
	Version int `json:"version"`
	// LastID prevents ids from being issued twice after their messages are deleted.
	LastID int64 `json:"lastId"`
}

// configRecord creates a topic or a subscription, or replaces its configuration.
type configRecord struct {
	Config json.RawMessage `json:"config"`
}

// messageRecord is a message and the subscriptions that receive it. The filters were
// evaluated when it was published and are not evaluated again.
type messageRecord struct {
	ID            string            `json:"id"`
	Data          []byte            `json:"data,omitempty"`
	Attributes    map[string]string `json:"attributes,omitempty"`
	OrderingKey   string            `json:"orderingKey,omitempty"`
	PublishTime   time.Time         `json:"publishTime"`
	Subscriptions []string          `json:"subscriptions"`
	// Topic is set if the topic retains the message. Acked are the subscriptions that
	// retain it acknowledged, Snapshots those that have it in their backlog; these two
	// are only written when the journal is compacted.
	Topic     string   `json:"topic,omitempty"`
	Acked     []string `json:"acked,omitempty"`
	Snapshots []string `json:"snapshots,omitempty"`
	// DeadLetterOf is the delivery that this message replaces. Both are in one record,
	// so that a dead letter is neither lost nor duplicated.
	DeadLetterOf *settledRecord `json:"deadLetterOf,omitempty"`
}

// failedRecord counted the failed attempts of a delivery. It is accepted because older
// journals contain it, and ignored: attempts and backoff start again with the broker,
// so that restarts never use up the attempts of a message.
type failedRecord struct {
	Subscription string `json:"subscription"`
	ID           string `json:"id"`
	Failures     int    `json:"failures"`
}

// snapshotRecord creates a snapshot, or replaces its configuration.
type snapshotRecord struct {
	Config json.RawMessage `json:"config"`
	LastID int64           `json:"lastId"`
	// Source is the subscription whose unsettled messages at this position of the
	// journal are the backlog. If empty, the messages name the snapshot.
	Source string `json:"source,omitempty"`
}

// restoredRecord makes acknowledged messages of a subscription unacknowledged again.
type restoredRecord struct {
	Subscription string   `json:"subscription"`
	IDs          []string `json:"ids"`
}

// settledRecord settles deliveries of one subscription.
type settledRecord struct {
	Subscription string   `json:"subscription"`
	IDs          []string `json:"ids"`
}

func newConfigRecord(message proto.Message) (*configRecord, error) {
	text, err := protojson.Marshal(message)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", message, err)
	}
	return &configRecord{Config: text}, nil
}

func newMessageRecord(m *pb.PubsubMessage, subscriptions []string) *messageRecord {
	return &messageRecord{
		ID:            m.GetMessageId(),
		Data:          m.GetData(),
		Attributes:    m.GetAttributes(),
		OrderingKey:   m.GetOrderingKey(),
		PublishTime:   m.GetPublishTime().AsTime(),
		Subscriptions: subscriptions,
	}
}

func (r *messageRecord) message() *pb.PubsubMessage {
	return &pb.PubsubMessage{
		MessageId:   r.ID,
		Data:        r.Data,
		Attributes:  r.Attributes,
		OrderingKey: r.OrderingKey,
		PublishTime: timestamppb.New(r.PublishTime),
	}
}

// compareIDs compares message ids by age. They are numbers without leading zeros.
func compareIDs(a, b string) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// apply replays a record: it changes the state as the original operation did.
func (b *Broker) apply(r record) error {
	switch {
	case r.Header != nil:
		b.lastID = r.Header.LastID
	case r.Topic != nil:
		config := &pb.Topic{}
		if err := protojson.Unmarshal(r.Topic.Config, config); err != nil {
			return err
		}
		b.putTopic(config)
	case r.TopicDeleted != "":
		b.removeTopic(r.TopicDeleted)
	case r.Subscription != nil:
		config := &pb.Subscription{}
		if err := protojson.Unmarshal(r.Subscription.Config, config); err != nil {
			return err
		}
		fillSubscription(config) // with fields that an earlier version did not write
		return b.putSubscription(config)
	case r.SubscriptionDeleted != "":
		b.removeSubscription(r.SubscriptionDeleted)
	case r.Snapshot != nil:
		config := &pb.Snapshot{}
		if err := protojson.Unmarshal(r.Snapshot.Config, config); err != nil {
			return err
		}
		b.putSnapshot(config, r.Snapshot.LastID, r.Snapshot.Source)
	case r.SnapshotDeleted != "":
		delete(b.snapshots, r.SnapshotDeleted)
	case r.Message != nil:
		return b.applyMessage(r.Message)
	case r.Restored != nil:
		return b.applyRestored(r.Restored)
	case r.Failed != nil:
		// Ignored, see failedRecord.
	case r.Settled != nil:
		b.applySettled(r.Settled)
	default:
		return fmt.Errorf("empty record")
	}
	return nil
}

func (b *Broker) applyMessage(r *messageRecord) error {
	id, err := strconv.ParseInt(r.ID, 10, 64)
	if err != nil {
		return fmt.Errorf("message id %q: %w", r.ID, err)
	}
	b.lastID = max(b.lastID, id)
	message, now := r.message(), b.now()
	for _, name := range r.Subscriptions {
		if s := b.subscriptions[name]; s != nil {
			s.queue.add(&delivery{message: message}, now)
		}
	}
	if t := b.topics[r.Topic]; t != nil {
		t.retained = append(t.retained, message)
	}
	for _, name := range r.Acked {
		if s := b.subscriptions[name]; s != nil {
			s.retain(message)
		}
	}
	for _, name := range r.Snapshots {
		if snap := b.snapshots[name]; snap != nil {
			snap.backlog[r.ID] = message
		}
	}
	if r.DeadLetterOf != nil {
		b.applySettled(r.DeadLetterOf)
	}
	return nil
}

func (b *Broker) applyRestored(r *restoredRecord) error {
	s := b.subscriptions[r.Subscription]
	if s == nil {
		return nil
	}
	for _, id := range r.IDs {
		m := b.restorable(s, id)
		if m == nil {
			return fmt.Errorf("restore message %s to %s: not stored", id, r.Subscription)
		}
		if s.queue.all[id] == nil {
			s.restore(m, b.now())
		}
	}
	return nil
}

func (b *Broker) applySettled(r *settledRecord) {
	s := b.subscriptions[r.Subscription]
	if s == nil {
		return
	}
	for _, id := range r.IDs {
		if d := s.queue.all[id]; d != nil {
			s.settle(d)
		}
	}
}

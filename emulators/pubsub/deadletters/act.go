package deadletters

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// Which selects messages of a subscription for an action.
type Which struct {
	Subscription string
	// IDs are those of the messages; none means all.
	IDs []string
}

// Record is the log entry of one action: who did what to which message, and why.
// It has the message's attributes, and not its payload, which may be personal.
type Record struct {
	Time         time.Time         `json:"time"`
	Action       string            `json:"action"`
	Who          string            `json:"who"`
	Why          string            `json:"why"`
	Subscription string            `json:"subscription"`
	MessageID    string            `json:"messageId"`
	Attributes   map[string]string `json:"attributes"`
	// Topic and NewMessageID are where a replayed message went, and as what.
	Topic        string `json:"topic,omitempty"`
	NewMessageID string `json:"newMessageId,omitempty"`
}

// Names of the actions.
const (
	actionReplay  = "deadletter-replay"
	actionDiscard = "deadletter-discard"
)

// Act is who acts and why, and where that is written down. A message is only
// removed once Log has taken its record.
type Act struct {
	Who, Why string
	Log      func(Record) error
}

// Replay publishes messages to the topic they came from, as they were, and removes
// each once it is published. All subscriptions of the topic get it again: those
// whose function had it before find it in their inbox, and do nothing. It returns
// how many were replayed, also with an error.
func (b *Box) Replay(ctx context.Context, which Which, act Act) (int, error) {
	subscription := Name(which.Subscription)
	topic, err := b.topic(ctx, subscription)
	if err != nil {
		return 0, err
	}
	replayed := map[[sha256.Size]byte]bool{}
	return b.each(ctx, which, func(ctx context.Context, m *pb.PubsubMessage) (bool, error) {
		// One that has failed again by now is for another time: it would go in
		// circles.
		content, err := fingerprint(m)
		if err != nil || replayed[content] {
			return false, err
		}
		replayed[content] = true
		published, err := b.Client.TopicAdminClient.Publish(ctx, &pb.PublishRequest{
			Topic: topic, Messages: []*pb.PubsubMessage{original(m)},
		})
		if err != nil {
			return false, fmt.Errorf("publish message %s to %s: %w", m.GetMessageId(), short(topic), err)
		}
		r := act.record(actionReplay, subscription, m)
		r.Topic, r.NewMessageID = short(topic), published.GetMessageIds()[0]
		return true, act.Log(r)
	})
}

// fingerprint is the same for a message whenever it becomes a dead letter again.
func fingerprint(m *pb.PubsubMessage) ([sha256.Size]byte, error) {
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(original(m))
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("marshal message %s: %w", m.GetMessageId(), err)
	}
	return sha256.Sum256(text), nil
}

// Discard removes messages for good, and returns how many, also with an error.
func (b *Box) Discard(ctx context.Context, which Which, act Act) (int, error) {
	return b.each(ctx, which, func(_ context.Context, m *pb.PubsubMessage) (bool, error) {
		return true, act.Log(act.record(actionDiscard, Name(which.Subscription), m))
	})
}

func (a Act) record(action, subscription string, m *pb.PubsubMessage) Record {
	return Record{
		Time: time.Now().UTC(), Action: action, Who: a.Who, Why: a.Why,
		Subscription: subscription, MessageID: m.GetMessageId(), Attributes: m.GetAttributes(),
	}
}

// each calls do with each selected message, and removes those for which do returns
// true. Messages that were not found are an error, returned after all others are done.
func (b *Box) each(ctx context.Context, which Which, do func(context.Context, *pb.PubsubMessage) (bool, error)) (done int, err error) {
	missing := slices.Clone(which.IDs)
	err = b.scan(ctx, Name(which.Subscription), func(ctx context.Context, received *pb.ReceivedMessage) (outcome, error) {
		m := received.GetMessage()
		if len(which.IDs) > 0 {
			i := slices.Index(missing, m.GetMessageId())
			if i < 0 {
				return retain, nil
			}
			missing = slices.Delete(missing, i, i+1)
		}
		if removed, err := do(ctx, m); err != nil || !removed {
			return retain, err
		}
		done++
		return remove, nil
	})
	if err == nil && len(missing) > 0 {
		err = fmt.Errorf("messages %s in %s: %w", strings.Join(missing, ", "), Name(which.Subscription), ErrNotFound)
	}
	return done, err
}

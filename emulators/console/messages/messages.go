// Package messages reads and changes what is in Pub/Sub for the console: of the embedded
// broker all, of any other emulator what Pub/Sub's API allows.
package messages

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	client "cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/emulators/pubsub"
	"souk/emulators/pubsub/deadletters"
)

// timeout bounds a call of the broker.
const timeout = 10 * time.Second

// ErrNotFound is returned for topics, subscriptions and messages that do not exist.
var ErrNotFound = errors.New("not found")

// ErrUnreadable is returned for a subscription whose messages cannot be read without
// taking them from their function.
var ErrUnreadable = errors.New("the messages of a push subscription can be read from the embedded broker only")

// Options configures a source.
type Options struct {
	// Host and Project are those of the Pub/Sub emulator.
	Host, Project string
	// Embedded returns the broker of this process. Nil: the emulator is another.
	Embedded func() *pubsub.Broker
	// Record receives every replayed and every discarded message before it is removed.
	Record func(deadletters.Record) error
}

// LogRecords returns Options.Record that logs replayed and discarded dead letters with their
// attributes, without their data.
func LogRecords(log *slog.Logger) func(deadletters.Record) error {
	return func(r deadletters.Record) error {
		log.Info("act on a dead letter", "action", r.Action, "reason", r.Why, "subscription", r.Subscription,
			"messageId", r.MessageID, "attributes", r.Attributes, "topic", r.Topic, "newMessageId", r.NewMessageID)
		return nil
	}
}

// Source reads and changes the messages of a project. Callers must close it.
type Source struct {
	options Options

	mu     sync.Mutex
	client *client.Client // nil before the first use
}

// New returns a source. It connects when that is needed.
func New(options Options) *Source {
	if options.Record == nil {
		options.Record = func(deadletters.Record) error { return nil }
	}
	return &Source{options: options}
}

// Close closes the connection.
func (s *Source) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client == nil {
		return nil
	}
	err := s.client.Close()
	s.client = nil
	return err
}

func (s *Source) connect(ctx context.Context) (*client.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		return s.client, nil
	}
	// The connection outlives the request that needs it first.
	var err error
	s.client, err = pubsub.Connect(context.WithoutCancel(ctx), s.options.Host, s.options.Project)
	return s.client, err
}

// Subscription is the state of a subscription.
type Subscription struct {
	pubsub.SubscriptionStats
	// DeadLetters is the subscription that stores the dead letters, "" if there is none.
	DeadLetters string `json:"deadLetters,omitempty"`
	// IsDeadLetters reports whether it stores dead letters itself.
	IsDeadLetters bool `json:"isDeadLetters"`
}

// Overview is the state of all topics and subscriptions.
type Overview struct {
	Topics        []pubsub.TopicStats `json:"topics"`
	Subscriptions []Subscription      `json:"subscriptions"`
	// Counted reports whether backlogs and counters are known.
	Counted bool `json:"counted"`
}

// Overview returns the state of all topics and subscriptions, sorted by name.
func (s *Source) Overview(ctx context.Context) (Overview, error) {
	var stats pubsub.Stats
	o := Overview{Counted: s.options.Embedded != nil}
	if o.Counted {
		stats = s.options.Embedded().Stats()
	} else {
		var err error
		if stats, err = s.list(ctx); err != nil {
			return o, err
		}
	}
	o.Topics = stats.Topics
	stores := map[string]string{} // subscriptions by topic
	for _, one := range stats.Subscriptions {
		stores[one.Topic] = one.Name
	}
	for _, one := range stats.Subscriptions {
		full := Subscription{SubscriptionStats: one, IsDeadLetters: isDeadLetters(one.Name)}
		if one.DeadLetterTopic != "" {
			full.DeadLetters = stores[one.DeadLetterTopic]
		}
		o.Subscriptions = append(o.Subscriptions, full)
	}
	return o, nil
}

// isDeadLetters reports whether a subscription stores dead letters, by its name.
func isDeadLetters(name string) bool { return name == deadletters.Name(name) }

// list reads topics and subscriptions through the API, without backlogs and counters.
func (s *Source) list(ctx context.Context) (stats pubsub.Stats, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := s.connect(ctx)
	if err != nil {
		return stats, err
	}
	project := "projects/" + s.options.Project
	topics := c.TopicAdminClient.ListTopics(ctx, &pb.ListTopicsRequest{Project: project})
	for t, err := topics.Next(); !errors.Is(err, iterator.Done); t, err = topics.Next() {
		if err != nil {
			return stats, fmt.Errorf("list the topics: %w", err)
		}
		stats.Topics = append(stats.Topics, pubsub.TopicStats{Name: short(t.GetName())})
	}
	list := c.SubscriptionAdminClient.ListSubscriptions(ctx, &pb.ListSubscriptionsRequest{Project: project})
	for one, err := list.Next(); !errors.Is(err, iterator.Done); one, err = list.Next() {
		if err != nil {
			return stats, fmt.Errorf("list the subscriptions: %w", err)
		}
		stats.Subscriptions = append(stats.Subscriptions, pubsub.SubscriptionStats{
			Name: short(one.GetName()), Topic: short(one.GetTopic()), Push: one.GetPushConfig().GetPushEndpoint() != "",
			DeadLetterTopic: short(one.GetDeadLetterPolicy().GetDeadLetterTopic()),
		})
	}
	slices.SortFunc(stats.Topics, func(a, b pubsub.TopicStats) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(stats.Subscriptions, func(a, b pubsub.SubscriptionStats) int { return cmp.Compare(a.Name, b.Name) })
	return stats, nil
}

// short returns the last part of projects/p/topics/t.
func short(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// Message is an unacknowledged message of a subscription.
type Message struct {
	pubsub.Peeked
	// Body is the data: indented JSON where it is JSON, else text or "".
	Body string
	// DeadLetter is set if it is a dead letter.
	DeadLetter *DeadLetter
}

// DeadLetter is what is known of a dead letter.
type DeadLetter struct {
	// Source is the subscription that it failed on, Deliveries how often.
	Source     string
	Deliveries string
	Reason     string
}

// Read returns the oldest unacknowledged messages of a subscription, which stay there. The
// error wraps ErrUnreadable or ErrNotFound.
func (s *Source) Read(ctx context.Context, subscription string, limit int) ([]Message, error) {
	var peeked []pubsub.Peeked
	var err error
	switch {
	case s.options.Embedded != nil:
		peeked, err = s.options.Embedded().Peek("projects/"+s.options.Project+"/subscriptions/"+subscription, limit)
		if code := status.Code(err); code == codes.NotFound || code == codes.InvalidArgument {
			err = fmt.Errorf("subscription %s: %w", subscription, ErrNotFound)
		}
	case isDeadLetters(subscription):
		peeked, err = s.scan(ctx, subscription, limit)
	default:
		err = ErrUnreadable
	}
	if err != nil {
		return nil, err
	}
	messages := make([]Message, len(peeked))
	for i, p := range peeked {
		messages[i] = describe(subscription, p)
	}
	return messages, nil
}

// scan reads dead letters through the API: it pulls and releases them.
func (s *Source) scan(ctx context.Context, subscription string, limit int) (peeked []pubsub.Peeked, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	box, err := s.box(ctx)
	if err != nil {
		return nil, err
	}
	err = box.Show(ctx, subscription, func(l deadletters.Letter) bool {
		if len(peeked) == limit {
			return false
		}
		p := pubsub.Peeked{
			Subscription: subscription, ID: l.ID, PublishTime: l.DeadSince, Attributes: l.Attributes, Data: l.Data, Attempt: 1, State: pubsub.StateReady,
		}
		if l.Payload != nil {
			p.Data = l.Payload
		}
		peeked = append(peeked, p)
		return true
	})
	return peeked, translate(err)
}

func describe(subscription string, p pubsub.Peeked) Message {
	m := Message{Peeked: p, Body: body(p.Data)}
	if !isDeadLetters(subscription) {
		return m
	}
	m.DeadLetter = &DeadLetter{
		Source:     strings.TrimSuffix(subscription, ".dead-letter"),
		Deliveries: p.Attributes[pubsub.AttributeDeliveryCount],
		Reason:     p.Attributes[pubsub.AttributeErrorMessage],
	}
	// What Pub/Sub added is shown apart from the attributes of the event.
	m.Attributes = maps.Clone(p.Attributes)
	maps.DeleteFunc(m.Attributes, func(name, _ string) bool { return strings.HasPrefix(name, "CloudPubSubDeadLetter") })
	return m
}

// maxBody is the most of a message's data that is shown.
const maxBody = 64 << 10

func body(data []byte) string {
	var out bytes.Buffer
	if len(data) <= maxBody && json.Indent(&out, data, "", "  ") == nil {
		return strings.ToValidUTF8(out.String(), "\uFFFD")
	}
	if len(data) > maxBody {
		return strings.ToValidUTF8(string(data[:maxBody]), "\uFFFD") + "…"
	}
	return strings.ToValidUTF8(string(data), "\uFFFD")
}

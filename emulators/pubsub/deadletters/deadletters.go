// Package deadletters looks after messages that functions failed on too often:
// it lists, shows, replays and discards what the dead-letter subscriptions retain,
// on any broker that speaks Pub/Sub's API.
//
// Pub/Sub has no call that looks into a subscription: to see a message is to pull
// it. So every look pulls all there is, and gives back at once what is not to be
// removed. While one operator looks, another sees less.
package deadletters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/iterator"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	// suffix ends the names of dead-letter topics, and of the subscriptions that
	// retain them. What is before it is the subscription that the messages failed on.
	suffix = ".dead-letter"
	// addedPrefix begins the attributes that Pub/Sub adds to a dead letter:
	// https://cloud.google.com/pubsub/docs/dead-letter-topics
	addedPrefix = "CloudPubSubDeadLetter"
	// deliveryCount is the attribute with the number of deliveries.
	deliveryCount = "CloudPubSubDeadLetterSourceDeliveryCount"
	// looksAtOnce bounds how many subscriptions are looked into at a time.
	looksAtOnce = 8
)

// ErrNotFound means that a subscription, or a message in it, does not exist.
var ErrNotFound = errors.New("not found")

// Box is the dead letters of one project.
type Box struct {
	Client *pubsub.Client
	// Wait is how long pulls must return no messages before the subscription counts as
	// empty: a pull from the cloud may return none while there are some. It is 0 for an
	// emulator.
	Wait time.Duration
}

// Summary is what a dead-letter subscription holds.
type Summary struct {
	// Subscription stores the dead letters; Source is the one they failed on, Topic
	// where that gets its messages. Topic is empty when Source is gone.
	Subscription string `json:"subscription"`
	Source       string `json:"source"`
	Topic        string `json:"topic"`
	Messages     int    `json:"messages"`
	// Oldest is when the oldest message became a dead letter, nil without any.
	Oldest *time.Time `json:"oldest"`
}

// List returns every dead-letter subscription of the project, also empty ones.
func (b *Box) List(ctx context.Context) ([]Summary, error) {
	topics, err := b.subscriptions(ctx)
	if err != nil {
		return nil, err
	}
	var summaries []Summary
	for name := range topics {
		if source, is := strings.CutSuffix(name, suffix); is {
			summaries = append(summaries, Summary{Subscription: name, Source: source, Topic: topics[source]})
		}
	}
	slices.SortFunc(summaries, func(a, b Summary) int { return cmp.Compare(a.Subscription, b.Subscription) })
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(looksAtOnce)
	for i := range summaries {
		group.Go(func() error { return b.summarize(ctx, &summaries[i]) })
	}
	return summaries, group.Wait()
}

// subscriptions returns the topic of every subscription, by name.
func (b *Box) subscriptions(ctx context.Context) (map[string]string, error) {
	topics := map[string]string{}
	list := b.Client.SubscriptionAdminClient.ListSubscriptions(ctx, &pb.ListSubscriptionsRequest{
		Project: "projects/" + b.Client.Project(),
	})
	for {
		s, err := list.Next()
		if errors.Is(err, iterator.Done) {
			return topics, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the subscriptions of project %s: %w", b.Client.Project(), err)
		}
		topics[short(s.GetName())] = short(s.GetTopic())
	}
}

func (b *Box) summarize(ctx context.Context, s *Summary) error {
	return b.scan(ctx, s.Subscription, func(_ context.Context, m *pb.ReceivedMessage) (outcome, error) {
		s.Messages++
		if at := m.GetMessage().GetPublishTime().AsTime(); s.Oldest == nil || at.Before(*s.Oldest) {
			s.Oldest = &at
		}
		return retain, nil
	})
}

// Show calls visit for each dead letter of a subscription, in the order in which
// the broker gives them, until it returns false. They stay where they are.
func (b *Box) Show(ctx context.Context, subscription string, visit func(Letter) bool) error {
	return b.scan(ctx, Name(subscription), func(_ context.Context, m *pb.ReceivedMessage) (outcome, error) {
		if !visit(letterOf(Name(subscription), m)) {
			return enough, nil
		}
		return retain, nil
	})
}

// topic returns where a dead-letter subscription's messages were published first.
func (b *Box) topic(ctx context.Context, subscription string) (string, error) {
	source := strings.TrimSuffix(subscription, suffix)
	s, err := b.Client.SubscriptionAdminClient.GetSubscription(ctx, &pb.GetSubscriptionRequest{Subscription: b.path(source)})
	if status.Code(err) == codes.NotFound {
		return "", fmt.Errorf("subscription %s, which these messages failed on: %w; they can only be discarded", source, ErrNotFound)
	}
	if err != nil {
		return "", fmt.Errorf("look up subscription %s: %w", source, err)
	}
	return s.GetTopic(), nil
}

// Name is the dead-letter subscription that is meant, whether it is called by its
// name or by that of the subscription the messages failed on.
func Name(subscription string) string { return strings.TrimSuffix(subscription, suffix) + suffix }

func (b *Box) path(subscription string) string {
	return fmt.Sprintf("projects/%s/subscriptions/%s", b.Client.Project(), subscription)
}

// short is the last part of projects/p/topics/t.
func short(path string) string { return path[strings.LastIndex(path, "/")+1:] }

package pubsub

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"souk/shared/manifest"
)

// Topology is what the functions of a manifest need of a broker: a topic for
// each event and schedule, also for one that nobody listens to yet, and for each
// function that listens to one a push subscription with a dead-letter topic, which
// a pull subscription keeps.
type Topology struct {
	Manifest *manifest.Manifest
	// Endpoint is the URL that a function's messages are pushed to. Required.
	Endpoint func(manifest.Function) string
	// ServiceAccount is the email in push tokens. Empty: pushes carry no token.
	ServiceAccount string
	// Audience is whom a function's push tokens are for. nil: the endpoint.
	Audience func(manifest.Function) string
}

// Apply makes or updates topics and subscriptions in the client's project. It
// may be repeated, against any broker. What the manifest no longer names stays,
// with the messages it may hold: Prune deletes it.
func Apply(ctx context.Context, client *pubsub.Client, t Topology) error {
	var faults []error
	for _, topic := range t.Manifest.Topics() {
		faults = append(faults, ensureTopic(ctx, client, topicPath(client.Project(), topic)))
	}
	for _, f := range t.Manifest.Functions {
		for _, topic := range f.Topics() {
			if err := t.apply(ctx, client, f, topic); err != nil {
				faults = append(faults, fmt.Errorf("set up %s: %w", f.Subscription(topic), err))
			}
		}
	}
	return errors.Join(faults...)
}

func (t Topology) apply(ctx context.Context, client *pubsub.Client, f manifest.Function, topic string) error {
	project, deadLetters := client.Project(), f.DeadLetterTopic(topic)
	if err := ensureTopic(ctx, client, topicPath(project, deadLetters)); err != nil {
		return err
	}
	// The dead-letter topic gets its subscription first: without one, it loses
	// what it is sent.
	if err := ensureSubscription(ctx, client, t.keeping(project, deadLetters)); err != nil {
		return err
	}
	pushing, err := t.pushing(project, f, topic)
	if err != nil {
		return err
	}
	return ensureSubscription(ctx, client, pushing)
}

// keeping is the pull subscription of a dead-letter topic.
func (t Topology) keeping(project, deadLetters string) *pb.Subscription {
	return &pb.Subscription{
		Name:               subscriptionPath(project, deadLetters),
		Topic:              topicPath(project, deadLetters),
		AckDeadlineSeconds: t.ackDeadline(),
		// An empty policy means that it never expires; none would be 31 days.
		ExpirationPolicy: &pb.ExpirationPolicy{},
	}
}

// pushing is the subscription that calls a function.
func (t Topology) pushing(project string, f manifest.Function, topic string) (*pb.Subscription, error) {
	endpoint := t.Endpoint(f)
	if endpoint == "" {
		return nil, fmt.Errorf("function %s has no push endpoint", f.Name)
	}
	push := &pb.PushConfig{PushEndpoint: endpoint}
	if t.ServiceAccount != "" {
		token := &pb.PushConfig_OidcToken{ServiceAccountEmail: t.ServiceAccount}
		if t.Audience != nil {
			token.Audience = t.Audience(f)
		}
		push.AuthenticationMethod = &pb.PushConfig_OidcToken_{OidcToken: token}
	}
	delivery := t.Manifest.Delivery
	return &pb.Subscription{
		Name:               subscriptionPath(project, f.Subscription(topic)),
		Topic:              topicPath(project, topic),
		PushConfig:         push,
		AckDeadlineSeconds: t.ackDeadline(),
		RetryPolicy: &pb.RetryPolicy{
			MinimumBackoff: durationpb.New(delivery.MinBackoff),
			MaximumBackoff: durationpb.New(delivery.MaxBackoff),
		},
		DeadLetterPolicy: &pb.DeadLetterPolicy{
			DeadLetterTopic:     topicPath(project, f.DeadLetterTopic(topic)),
			MaxDeliveryAttempts: int32(min(delivery.MaxDeliveryAttempts, maxMaxAttempts)),
		},
		ExpirationPolicy: &pb.ExpirationPolicy{},
	}, nil
}

func (t Topology) ackDeadline() int32 {
	return int32(min(t.Manifest.Delivery.AckDeadline.Seconds(), maxAckDeadline))
}

func ensureTopic(ctx context.Context, client *pubsub.Client, name string) error {
	_, err := client.TopicAdminClient.CreateTopic(ctx, &pb.Topic{Name: name})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("create topic %s: %w", name, err)
	}
	return nil
}

// ensureSubscription creates a subscription or brings an existing one to the
// same configuration.
func ensureSubscription(ctx context.Context, client *pubsub.Client, want *pb.Subscription) error {
	admin := client.SubscriptionAdminClient
	_, err := admin.CreateSubscription(ctx, want)
	if status.Code(err) != codes.AlreadyExists {
		if err != nil {
			return fmt.Errorf("create subscription %s: %w", want.GetName(), err)
		}
		return nil
	}
	// Not the expiration policy, which is set for good when the subscription is
	// made: Google's emulator refuses to update it.
	paths := []string{"push_config", "ack_deadline_seconds", "retry_policy", "dead_letter_policy"}
	got, err := admin.UpdateSubscription(ctx, &pb.UpdateSubscriptionRequest{
		Subscription: want,
		UpdateMask:   &fieldmaskpb.FieldMask{Paths: paths},
	})
	if err != nil {
		return fmt.Errorf("update %s of subscription %s: %w", strings.Join(paths, ", "), want.GetName(), err)
	}
	if got.GetTopic() != want.GetTopic() {
		return fmt.Errorf("subscription %s hangs on %s, not on %s: delete it, once it is empty", want.GetName(), got.GetTopic(), want.GetTopic())
	}
	return nil
}

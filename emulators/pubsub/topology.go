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

// Topology describes the Pub/Sub resources of a manifest's functions: a topic for each
// event and schedule, even without a subscriber, and for each function and topic a push
// subscription with a dead-letter topic, whose messages a pull subscription stores.
type Topology struct {
	Manifest *manifest.Manifest
	// Endpoint returns the push URL of a function. Required.
	Endpoint func(manifest.Function) string
	// ServiceAccount is the email in push tokens. If empty, pushes have no token.
	ServiceAccount string
	// Audience returns the audience of a function's push tokens. If nil, it is the endpoint.
	Audience func(manifest.Function) string
}

// Apply creates or updates topics and subscriptions in the client's project. It is
// idempotent and works with any broker. Resources that the manifest no longer names
// stay, with their messages; Prune deletes them.
func Apply(ctx context.Context, client *pubsub.Client, t Topology) error {
	var errs []error
	for _, topic := range t.Manifest.Topics() {
		errs = append(errs, ensureTopic(ctx, client, topicPath(client.Project(), topic)))
	}
	for _, f := range t.Manifest.Functions {
		for _, topic := range f.Topics() {
			if err := t.apply(ctx, client, f, topic); err != nil {
				errs = append(errs, fmt.Errorf("set up %s: %w", f.Subscription(topic), err))
			}
		}
	}
	return errors.Join(errs...)
}

func (t Topology) apply(ctx context.Context, client *pubsub.Client, f manifest.Function, topic string) error {
	project, deadLetters := client.Project(), f.DeadLetterTopic(topic)
	if err := ensureTopic(ctx, client, topicPath(project, deadLetters)); err != nil {
		return err
	}
	// The subscription of the dead-letter topic comes first: without one, the topic
	// drops its messages.
	if err := ensureSubscription(ctx, client, t.deadLetterSubscription(project, deadLetters)); err != nil {
		return err
	}
	pushing, err := t.pushSubscription(project, f, topic)
	if err != nil {
		return err
	}
	return ensureSubscription(ctx, client, pushing)
}

// deadLetterSubscription returns the pull subscription of a dead-letter topic.
func (t Topology) deadLetterSubscription(project, deadLetters string) *pb.Subscription {
	return &pb.Subscription{
		Name:               subscriptionPath(project, deadLetters),
		Topic:              topicPath(project, deadLetters),
		AckDeadlineSeconds: t.ackDeadline(),
		// An empty policy means that it never expires; without a policy it expires after 31 days.
		ExpirationPolicy: &pb.ExpirationPolicy{},
	}
}

// pushSubscription returns the subscription that calls a function.
func (t Topology) pushSubscription(project string, f manifest.Function, topic string) (*pb.Subscription, error) {
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
		Filter:           f.Filter.String(),
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
	// The expiration policy is set only on creation: Google's emulator refuses to
	// update it.
	paths := []string{"push_config", "ack_deadline_seconds", "retry_policy", "dead_letter_policy"}
	got, err := admin.UpdateSubscription(ctx, &pb.UpdateSubscriptionRequest{
		Subscription: want,
		UpdateMask:   &fieldmaskpb.FieldMask{Paths: paths},
	})
	if err != nil {
		return fmt.Errorf("update %s of subscription %s: %w", strings.Join(paths, ", "), want.GetName(), err)
	}
	if got.GetTopic() != want.GetTopic() {
		return fmt.Errorf("subscription %s belongs to topic %s, not %s: delete it once it is empty", want.GetName(), got.GetTopic(), want.GetTopic())
	}
	if got.GetFilter() != want.GetFilter() {
		return replaceSubscription(ctx, client, want)
	}
	return nil
}

// replaceSubscription deletes a subscription and creates it anew, because Pub/Sub changes no
// filter. Its undelivered messages are lost, as when Terraform replaces it.
func replaceSubscription(ctx context.Context, client *pubsub.Client, want *pb.Subscription) error {
	admin := client.SubscriptionAdminClient
	err := admin.DeleteSubscription(ctx, &pb.DeleteSubscriptionRequest{Subscription: want.GetName()})
	if err != nil && status.Code(err) != codes.NotFound {
		return fmt.Errorf("delete subscription %s, which has another filter: %w", want.GetName(), err)
	}
	if _, err := admin.CreateSubscription(ctx, want); err != nil {
		return fmt.Errorf("create subscription %s with another filter: %w", want.GetName(), err)
	}
	return nil
}

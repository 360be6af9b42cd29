package local

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"souk/shared/manifest"
)

// Topics says which topics and subscriptions to make, where.
type Topics struct {
	Manifest *manifest.Manifest
	// Host is the address of a Pub/Sub emulator, Project the project in it.
	Host, Project string
	// Endpoint returns the URL that messages for a function are pushed to.
	Endpoint func(manifest.Function) string
	// ServiceAccount is whose token a push carries, and Audience whom it is for,
	// a function. Without a service account, pushes carry no token.
	ServiceAccount string
	Audience       func(manifest.Function) string
}

// reachTimeout is how long an emulator may take to accept a connection.
const reachTimeout = 5 * time.Second

// concurrent is how many requests set up topics at once.
const concurrent = 16

// mutable are the fields of a subscription that may change after it was made.
var mutable = []string{"push_config", "ack_deadline_seconds", "retry_policy", "dead_letter_policy"}

// SetUpTopics makes the topics and the push subscriptions that the list of
// functions asks for, each with a dead-letter topic, and a pull subscription that
// keeps what comes to it. What is there already is brought up to date.
func SetUpTopics(ctx context.Context, t Topics) error {
	if err := reach(ctx, t.Host); err != nil {
		return err
	}
	client, err := connect(ctx, t.Host, t.Project)
	if err != nil {
		return err
	}
	s := topicSetup{Topics: t, client: client}
	return errors.Join(s.run(ctx), client.Close())
}

// reach tells at once when nothing listens: the client would try on and on.
func reach(ctx context.Context, host string) error {
	conn, err := (&net.Dialer{Timeout: reachTimeout}).DialContext(ctx, "tcp", host)
	if err != nil {
		return advise(fmt.Errorf("reach Pub/Sub: %w", err), "Is a Pub/Sub emulator listening at %s?", host)
	}
	return conn.Close()
}

// connect returns a client of a Pub/Sub emulator.
func connect(ctx context.Context, host, project string) (*pubsub.Client, error) {
	client, err := pubsub.NewClient(ctx, project, option.WithEndpoint(host), option.WithoutAuthentication(),
		option.WithTelemetryDisabled(), option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		return nil, fmt.Errorf("connect to Pub/Sub at %s: %w", host, err)
	}
	return client, nil
}

type topicSetup struct {
	Topics
	client *pubsub.Client
}

func (s topicSetup) run(ctx context.Context) error {
	var topics []string
	var subscriptions []*pb.Subscription
	for _, function := range s.Manifest.Functions {
		for _, topic := range function.Topics() {
			deadLetter := function.DeadLetterTopic(topic)
			topics = append(topics, topic, deadLetter)
			subscriptions = append(subscriptions, s.push(function, topic), s.keep(deadLetter))
		}
	}
	if err := each(ctx, topics, s.makeTopic); err != nil {
		return err
	}
	return each(ctx, subscriptions, s.makeSubscription)
}

func (s topicSetup) topic(id string) string { return "projects/" + s.Project + "/topics/" + id }

func (s topicSetup) subscription(id string) string {
	return "projects/" + s.Project + "/subscriptions/" + id
}

func (s topicSetup) push(function manifest.Function, topic string) *pb.Subscription {
	delivery := s.Manifest.Delivery
	push := &pb.PushConfig{PushEndpoint: s.Endpoint(function)}
	if s.ServiceAccount != "" {
		push.AuthenticationMethod = &pb.PushConfig_OidcToken_{OidcToken: &pb.PushConfig_OidcToken{
			ServiceAccountEmail: s.ServiceAccount, Audience: s.Audience(function),
		}}
	}
	return &pb.Subscription{
		Name:               s.subscription(function.Subscription(topic)),
		Topic:              s.topic(topic),
		PushConfig:         push,
		AckDeadlineSeconds: int32(delivery.AckDeadline.Seconds()),
		ExpirationPolicy:   &pb.ExpirationPolicy{}, // never
		RetryPolicy: &pb.RetryPolicy{
			MinimumBackoff: durationpb.New(delivery.MinBackoff), MaximumBackoff: durationpb.New(delivery.MaxBackoff),
		},
		DeadLetterPolicy: &pb.DeadLetterPolicy{
			DeadLetterTopic:     s.topic(function.DeadLetterTopic(topic)),
			MaxDeliveryAttempts: int32(delivery.MaxDeliveryAttempts),
		},
	}
}

// keep returns the subscription that keeps what comes to a dead-letter topic,
// until somebody looks at it.
func (s topicSetup) keep(topic string) *pb.Subscription {
	return &pb.Subscription{
		Name: s.subscription(topic), Topic: s.topic(topic),
		AckDeadlineSeconds: 60, ExpirationPolicy: &pb.ExpirationPolicy{},
	}
}

func (s topicSetup) makeTopic(ctx context.Context, id string) error {
	_, err := s.client.TopicAdminClient.CreateTopic(ctx, &pb.Topic{Name: s.topic(id)})
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("make topic %s: %w", id, err)
	}
	return nil
}

func (s topicSetup) makeSubscription(ctx context.Context, config *pb.Subscription) error {
	admin := s.client.SubscriptionAdminClient
	_, err := admin.CreateSubscription(ctx, config)
	if status.Code(err) == codes.AlreadyExists && config.PushConfig != nil {
		_, err = admin.UpdateSubscription(ctx, &pb.UpdateSubscriptionRequest{
			Subscription: config, UpdateMask: &fieldmaskpb.FieldMask{Paths: mutable},
		})
	}
	if err != nil && status.Code(err) != codes.AlreadyExists {
		return fmt.Errorf("make subscription %s: %w", config.Name, err)
	}
	return nil
}

func each[T any](ctx context.Context, items []T, do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(concurrent)
	for _, item := range items {
		group.Go(func() error { return do(ctx, item) })
	}
	return group.Wait()
}

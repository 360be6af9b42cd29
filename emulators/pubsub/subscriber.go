package pubsub

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// subscriber serves google.pubsub.v1.Subscriber.
type subscriber struct {
	pb.UnimplementedSubscriberServer
	*Broker
}

// CreateSubscription creates a subscription, which receives messages published from
// now on.
func (b subscriber) CreateSubscription(_ context.Context, config *pb.Subscription) (*pb.Subscription, error) {
	if err := checkName(config.GetName(), "subscriptions"); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.subscriptions[config.GetName()] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "Resource already exists in the project (resource=%s).", config.GetName())
	}
	if _, err := b.findTopic(config.GetTopic()); err != nil {
		return nil, err
	}
	return b.saveSubscription(config)
}

// GetSubscription returns a subscription's configuration.
func (b subscriber) GetSubscription(_ context.Context, request *pb.GetSubscriptionRequest) (*pb.Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.find(request.GetSubscription())
	if err != nil {
		return nil, err
	}
	return b.describe(s.config), nil
}

// UpdateSubscription changes the fields in the update mask. The others, including
// filter and ordering, can't change after creation.
func (b subscriber) UpdateSubscription(_ context.Context, request *pb.UpdateSubscriptionRequest) (*pb.Subscription, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.find(request.GetSubscription().GetName())
	if err != nil {
		return nil, err
	}
	config := proto.CloneOf(s.config)
	err = replaceFields(config, request.GetSubscription(), request.GetUpdateMask(),
		"push_config", "ack_deadline_seconds", "labels", "retry_policy", "dead_letter_policy",
		"expiration_policy", "message_retention_duration", "retain_acked_messages", "enable_exactly_once_delivery")
	if err != nil {
		return nil, err
	}
	return b.saveSubscription(config)
}

// ModifyPushConfig changes the push endpoint. An empty configuration makes the
// subscription a pull subscription.
func (b subscriber) ModifyPushConfig(_ context.Context, request *pb.ModifyPushConfigRequest) (*emptypb.Empty, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.find(request.GetSubscription())
	if err != nil {
		return nil, err
	}
	config := proto.CloneOf(s.config)
	config.PushConfig = request.GetPushConfig()
	if _, err := b.saveSubscription(config); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

// ListSubscriptions lists the subscriptions of a project by name.
func (b subscriber) ListSubscriptions(_ context.Context, request *pb.ListSubscriptionsRequest) (*pb.ListSubscriptionsResponse, error) {
	if err := checkProject(request.GetProject()); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(b.subscriptions)), func(name string) bool {
		return !strings.HasPrefix(name, request.GetProject()+"/")
	})
	page, next := paginate(names, request.GetPageSize(), request.GetPageToken())
	response := &pb.ListSubscriptionsResponse{NextPageToken: next}
	for _, name := range page {
		response.Subscriptions = append(response.Subscriptions, b.describe(b.subscriptions[name].config))
	}
	return response, nil
}

// DeleteSubscription deletes a subscription with all its messages.
func (b subscriber) DeleteSubscription(_ context.Context, request *pb.DeleteSubscriptionRequest) (*emptypb.Empty, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.find(request.GetSubscription()); err != nil {
		return nil, err
	}
	if err := b.persist(record{SubscriptionDeleted: request.GetSubscription()}); err != nil {
		return nil, status.Errorf(codes.Unavailable, "delete subscription %s: %v", request.GetSubscription(), err)
	}
	b.removeSubscription(request.GetSubscription())
	b.notifyIdle()
	return &emptypb.Empty{}, nil
}

func (b *Broker) find(name string) (*subscription, error) {
	if err := checkName(name, "subscriptions"); err != nil {
		return nil, err
	}
	if s := b.subscriptions[name]; s != nil {
		return s, nil
	}
	return nil, status.Errorf(codes.NotFound, "Resource not found (resource=%s).", name)
}

// saveSubscription checks, stores and applies a configuration.
func (b *Broker) saveSubscription(config *pb.Subscription) (*pb.Subscription, error) {
	if err := b.checkSubscription(config); err != nil {
		return nil, err
	}
	fillSubscription(config)
	stored, err := newConfigRecord(config)
	if err == nil {
		err = b.persist(record{Subscription: stored})
	}
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "store subscription %s: %v", config.GetName(), err)
	}
	if err := b.putSubscription(config); err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	// It may have become a pull subscription, for which Idle does not wait.
	b.notifyIdle()
	b.dispatch(b.subscriptions[config.GetName()])
	return b.describe(config), nil
}

// putSubscription applies a checked configuration.
func (b *Broker) putSubscription(config *pb.Subscription) error {
	s := b.subscriptions[config.GetName()]
	if s == nil {
		accepts, err := parseFilter(config.GetFilter())
		if err != nil {
			return err
		}
		s = &subscription{
			filter: accepts,
			queue:  newQueue(config.GetEnableMessageOrdering(), b.options.Shuffle),
			window: minWindow,
			more:   make(chan struct{}),
		}
		b.subscriptions[config.GetName()] = s
	}
	if s.config.GetEnableExactlyOnceDelivery() != config.GetEnableExactlyOnceDelivery() {
		s.announce()
	}
	s.config = config
	if !config.GetRetainAckedMessages() {
		s.acked = nil
	}
	if config.GetDetached() {
		s.drop()
	} else if s.pushes() {
		s.endStreams()
	}
	return nil
}

func (b *Broker) removeSubscription(name string) {
	if s := b.subscriptions[name]; s != nil {
		s.drop()
		delete(b.subscriptions, name)
	}
}

// drop ends all deliveries and removes the messages.
func (s *subscription) drop() {
	s.closed = true
	s.acked = nil
	s.queue = newQueue(s.queue.ordered, false)
	s.endStreams()
}

// announce makes open streams send the changed properties.
func (s *subscription) announce() {
	for _, c := range s.streams {
		c.announce = true
	}
	s.wakeStreams()
}

func (s *subscription) wakeStreams() {
	for _, c := range s.streams {
		select {
		case c.filled <- struct{}{}:
		default:
		}
	}
}

// endStreams wakes open pulls, which then return an error.
func (s *subscription) endStreams() {
	s.wakeStreams()
	close(s.more)
	s.more = make(chan struct{})
}

func (s *subscription) ackDeadline() time.Duration {
	return time.Duration(s.config.GetAckDeadlineSeconds()) * time.Second
}

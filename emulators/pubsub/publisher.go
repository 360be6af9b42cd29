package pubsub

import (
	"context"
	"maps"
	"slices"
	"strings"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
)

// deletedTopic is the topic of a subscription whose topic has been deleted.
const deletedTopic = "_deleted-topic_"

// publisher serves google.pubsub.v1.Publisher.
type publisher struct {
	pb.UnimplementedPublisherServer
	*Broker
}

// CreateTopic creates a topic.
func (b publisher) CreateTopic(_ context.Context, config *pb.Topic) (*pb.Topic, error) {
	if err := checkName(config.GetName(), "topics"); err != nil {
		return nil, err
	}
	if err := checkTopic(config); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.topics[config.GetName()] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "Resource already exists in the project (resource=%s).", config.GetName())
	}
	return b.saveTopic(config)
}

// UpdateTopic changes the fields in the update mask.
func (b publisher) UpdateTopic(_ context.Context, request *pb.UpdateTopicRequest) (*pb.Topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.findTopic(request.GetTopic().GetName())
	if err != nil {
		return nil, err
	}
	config := proto.CloneOf(t.config)
	if err := replaceFields(config, request.GetTopic(), request.GetUpdateMask(), "labels", "message_retention_duration", "message_storage_policy"); err != nil {
		return nil, err
	}
	if slices.Contains(request.GetUpdateMask().GetPaths(), "message_storage_policy") && config.GetMessageStoragePolicy() == nil {
		return nil, errNoRegions
	}
	if err := checkTopic(config); err != nil {
		return nil, err
	}
	return b.saveTopic(config)
}

// GetTopic returns a topic's configuration.
func (b publisher) GetTopic(_ context.Context, request *pb.GetTopicRequest) (*pb.Topic, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, err := b.findTopic(request.GetTopic())
	if err != nil {
		return nil, err
	}
	return t.config, nil
}

// ListTopics lists the topics of a project by name.
func (b publisher) ListTopics(_ context.Context, request *pb.ListTopicsRequest) (*pb.ListTopicsResponse, error) {
	if err := checkProject(request.GetProject()); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(b.topics)), func(name string) bool {
		return !strings.HasPrefix(name, request.GetProject()+"/")
	})
	page, next := paginate(names, request.GetPageSize(), request.GetPageToken())
	response := &pb.ListTopicsResponse{NextPageToken: next}
	for _, name := range page {
		response.Topics = append(response.Topics, b.topics[name].config)
	}
	return response, nil
}

// ListTopicSubscriptions lists the subscriptions of a topic by name.
func (b publisher) ListTopicSubscriptions(_ context.Context, request *pb.ListTopicSubscriptionsRequest) (*pb.ListTopicSubscriptionsResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.findTopic(request.GetTopic()); err != nil {
		return nil, err
	}
	var names []string
	for name, s := range b.subscriptions {
		if s.config.GetTopic() == request.GetTopic() && !s.closed {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	page, next := paginate(names, request.GetPageSize(), request.GetPageToken())
	return &pb.ListTopicSubscriptionsResponse{Subscriptions: page, NextPageToken: next}, nil
}

// DeleteTopic deletes a topic. Its subscriptions stay, with their messages.
func (b publisher) DeleteTopic(_ context.Context, request *pb.DeleteTopicRequest) (*emptypb.Empty, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.findTopic(request.GetTopic()); err != nil {
		return nil, err
	}
	if err := b.persist(record{TopicDeleted: request.GetTopic()}); err != nil {
		return nil, status.Errorf(codes.Unavailable, "delete topic %s: %v", request.GetTopic(), err)
	}
	b.removeTopic(request.GetTopic())
	return &emptypb.Empty{}, nil
}

// DetachSubscription stops a subscription's deliveries and drops its messages.
func (b publisher) DetachSubscription(_ context.Context, request *pb.DetachSubscriptionRequest) (*pb.DetachSubscriptionResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.find(request.GetSubscription())
	if err != nil {
		return nil, err
	}
	config := proto.CloneOf(s.config)
	config.Detached = true
	if _, err := b.saveSubscription(config); err != nil {
		return nil, err
	}
	return &pb.DetachSubscriptionResponse{}, nil
}

// Publish stores messages and queues them for the topic's subscriptions.
func (b publisher) Publish(_ context.Context, request *pb.PublishRequest) (*pb.PublishResponse, error) {
	if err := checkMessages(request.GetMessages()); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	ids, err := b.publish(request.GetTopic(), request.GetMessages(), nil)
	if err != nil {
		return nil, err
	}
	return &pb.PublishResponse{MessageIds: ids}, nil
}

func (b *Broker) findTopic(name string) (*topic, error) {
	if t := b.topics[name]; t != nil {
		return t, nil
	}
	if err := checkName(name, "topics"); err != nil {
		return nil, err
	}
	return nil, status.Errorf(codes.NotFound, "Resource not found (resource=%s).", name)
}

// saveTopic stores a configuration and applies it.
func (b *Broker) saveTopic(config *pb.Topic) (*pb.Topic, error) {
	config.State = pb.Topic_ACTIVE
	stored, err := newConfigRecord(config)
	if err == nil {
		err = b.persist(record{Topic: stored})
	}
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "store topic %s: %v", config.GetName(), err)
	}
	b.putTopic(config)
	return config, nil
}

func (b *Broker) putTopic(config *pb.Topic) {
	if t := b.topics[config.GetName()]; t != nil {
		t.config = config
		return
	}
	b.topics[config.GetName()] = &topic{config: config}
}

func (b *Broker) removeTopic(name string) {
	delete(b.topics, name)
	for _, s := range b.subscriptions {
		if s.config.GetTopic() == name {
			s.config = proto.CloneOf(s.config)
			s.config.Topic = deletedTopic
		}
	}
	for _, snap := range b.snapshots {
		if snap.config.GetTopic() == name {
			snap.config = proto.CloneOf(snap.config)
			snap.config.Topic = deletedTopic
		}
	}
}

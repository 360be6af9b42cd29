package pubsub

import (
	"context"
	"crypto/rand"
	"maps"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// Lifetime of a snapshot, less the age of its oldest message:
// https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#snapshot
const (
	snapshotLifetime    = 7 * 24 * time.Hour
	minSnapshotLifetime = time.Hour
)

// snapshot is the state of a subscription at a point in time: its unacknowledged
// messages and all messages published since.
type snapshot struct {
	config *pb.Snapshot
	// backlog are the messages that were not acknowledged, by id.
	backlog map[string]*pb.PubsubMessage
	// lastID is the id of the last message before the snapshot.
	lastID int64
}

// CreateSnapshot stores the state of a subscription.
func (b subscriber) CreateSnapshot(_ context.Context, request *pb.CreateSnapshotRequest) (*pb.Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.find(request.GetSubscription())
	if err != nil {
		return nil, err
	}
	name := request.GetName()
	if name == "" {
		project, _ := splitName(request.GetSubscription())
		name = "projects/" + project + "/snapshots/snapshot-" + strings.ToLower(rand.Text())
	}
	if err := checkName(name, "snapshots"); err != nil {
		return nil, err
	}
	b.expireSnapshots()
	if b.snapshots[name] != nil {
		return nil, status.Errorf(codes.AlreadyExists, "Resource already exists in the project (resource=%s).", name)
	}
	if b.topics[s.config.GetTopic()] == nil || s.closed {
		return nil, status.Errorf(codes.FailedPrecondition, "subscription %s has no topic", request.GetSubscription())
	}
	expires := b.now().Add(snapshotLifetime)
	if oldest := s.queue.oldest(); oldest != nil {
		expires = oldest.message.GetPublishTime().AsTime().Add(snapshotLifetime)
	}
	if expires.Before(b.now().Add(minSnapshotLifetime)) {
		return nil, status.Errorf(codes.FailedPrecondition, "the snapshot would expire in less than %v: subscription %s has unacknowledged messages of almost %v",
			minSnapshotLifetime, request.GetSubscription(), snapshotLifetime)
	}
	config := &pb.Snapshot{Name: name, Topic: s.config.GetTopic(), ExpireTime: timestamppb.New(expires), Labels: request.GetLabels()}
	return b.saveSnapshot(config, request.GetSubscription())
}

// GetSnapshot returns a snapshot's configuration.
func (b subscriber) GetSnapshot(_ context.Context, request *pb.GetSnapshotRequest) (*pb.Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	snap, err := b.findSnapshot(request.GetSnapshot())
	if err != nil {
		return nil, err
	}
	return snap.config, nil
}

// UpdateSnapshot changes labels and expiry.
func (b subscriber) UpdateSnapshot(_ context.Context, request *pb.UpdateSnapshotRequest) (*pb.Snapshot, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	snap, err := b.findSnapshot(request.GetSnapshot().GetName())
	if err != nil {
		return nil, err
	}
	config := proto.CloneOf(snap.config)
	if err := replaceFields(config, request.GetSnapshot(), request.GetUpdateMask(), "labels", "expire_time"); err != nil {
		return nil, err
	}
	expires, now := config.GetExpireTime(), b.now()
	if !expires.IsValid() || expires.AsTime().Before(now) || expires.AsTime().After(now.Add(snapshotLifetime)) {
		return nil, status.Errorf(codes.InvalidArgument, "expire_time must be within %v from now", snapshotLifetime)
	}
	return b.saveSnapshot(config, "")
}

// ListSnapshots lists the snapshots of a project by name.
func (b subscriber) ListSnapshots(_ context.Context, request *pb.ListSnapshotsRequest) (*pb.ListSnapshotsResponse, error) {
	if err := checkProject(request.GetProject()); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	page, next := b.pageOfSnapshots(request.GetPageSize(), request.GetPageToken(), func(snap *snapshot) bool {
		return strings.HasPrefix(snap.config.GetName(), request.GetProject()+"/")
	})
	response := &pb.ListSnapshotsResponse{NextPageToken: next}
	for _, name := range page {
		response.Snapshots = append(response.Snapshots, b.snapshots[name].config)
	}
	return response, nil
}

// ListTopicSnapshots lists the snapshots of a topic by name.
func (b publisher) ListTopicSnapshots(_ context.Context, request *pb.ListTopicSnapshotsRequest) (*pb.ListTopicSnapshotsResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, err := b.findTopic(request.GetTopic()); err != nil {
		return nil, err
	}
	page, next := b.pageOfSnapshots(request.GetPageSize(), request.GetPageToken(), func(snap *snapshot) bool {
		return snap.config.GetTopic() == request.GetTopic()
	})
	return &pb.ListTopicSnapshotsResponse{Snapshots: page, NextPageToken: next}, nil
}

func (b *Broker) pageOfSnapshots(size int32, token string, listed func(*snapshot) bool) (page []string, next string) {
	b.expireSnapshots()
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(b.snapshots)), func(name string) bool { return !listed(b.snapshots[name]) })
	return paginate(names, size, token)
}

// DeleteSnapshot deletes a snapshot and the messages stored for it alone.
func (b subscriber) DeleteSnapshot(_ context.Context, request *pb.DeleteSnapshotRequest) (*emptypb.Empty, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	snap, err := b.findSnapshot(request.GetSnapshot())
	if err != nil {
		return nil, err
	}
	if err := b.persist(record{SnapshotDeleted: request.GetSnapshot()}); err != nil {
		return nil, status.Errorf(codes.Unavailable, "delete snapshot %s: %v", request.GetSnapshot(), err)
	}
	delete(b.snapshots, request.GetSnapshot())
	if t := b.topics[snap.config.GetTopic()]; t != nil {
		b.trimTopic(t)
	}
	return &emptypb.Empty{}, nil
}

func (b *Broker) findSnapshot(name string) (*snapshot, error) {
	if err := checkName(name, "snapshots"); err != nil {
		return nil, err
	}
	b.expireSnapshots()
	if snap := b.snapshots[name]; snap != nil {
		return snap, nil
	}
	return nil, status.Errorf(codes.NotFound, "Resource not found (resource=%s).", name)
}

// saveSnapshot stores a configuration; for a new snapshot, with the backlog of the
// source subscription.
func (b *Broker) saveSnapshot(config *pb.Snapshot, source string) (*pb.Snapshot, error) {
	stored, err := newConfigRecord(config)
	if err == nil {
		err = b.persist(record{Snapshot: &snapshotRecord{Config: stored.Config, LastID: b.lastID, Source: source}})
	}
	if err != nil {
		return nil, status.Errorf(codes.Unavailable, "store snapshot %s: %v", config.GetName(), err)
	}
	b.putSnapshot(config, b.lastID, source)
	return config, nil
}

// putSnapshot creates a snapshot, or replaces the configuration of an existing one.
func (b *Broker) putSnapshot(config *pb.Snapshot, lastID int64, source string) {
	if snap := b.snapshots[config.GetName()]; snap != nil && source == "" {
		snap.config = config
		return
	}
	snap := &snapshot{config: config, lastID: lastID, backlog: map[string]*pb.PubsubMessage{}}
	if s := b.subscriptions[source]; s != nil {
		for id, d := range s.queue.all {
			snap.backlog[id] = d.message
		}
	}
	b.snapshots[config.GetName()] = snap
}

// expireSnapshots removes expired snapshots. It writes no record to the journal: they
// expire again after a restart.
func (b *Broker) expireSnapshots() {
	now := b.now()
	maps.DeleteFunc(b.snapshots, func(_ string, snap *snapshot) bool { return snap.config.GetExpireTime().AsTime().Before(now) })
}

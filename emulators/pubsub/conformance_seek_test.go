package pubsub_test

import (
	"slices"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

func retain(d time.Duration) func(*pb.Subscription) {
	return func(s *pb.Subscription) { s.MessageRetentionDuration = durationpb.New(d) }
}

func retainAcked(s *pb.Subscription) { s.RetainAckedMessages = true }

// mustAckAll pulls n messages, acknowledges them and returns their data, sorted.
func (b *bench) mustAckAll(t *testing.T, subscription string, n int) []string {
	t.Helper()
	got := b.mustPullAll(t, subscription, n)
	for _, m := range got {
		b.mustAck(t, subscription, m)
	}
	list := texts(got)
	slices.Sort(list)
	return list
}

func (b *bench) seekTime(t *testing.T, subscription string, at time.Time) {
	t.Helper()
	_, err := b.SubscriptionAdminClient.Seek(t.Context(), &pb.SeekRequest{
		Subscription: subscription, Target: &pb.SeekRequest_Time{Time: timestamppb.New(at)}})
	if err != nil {
		t.Fatalf("seek %s to %v: %v", subscription, at, err)
	}
}

func (b *bench) seekSnapshot(t *testing.T, subscription, snapshot string) {
	t.Helper()
	_, err := b.SubscriptionAdminClient.Seek(t.Context(), &pb.SeekRequest{
		Subscription: subscription, Target: &pb.SeekRequest_Snapshot{Snapshot: snapshot}})
	if err != nil {
		t.Fatalf("seek %s to %s: %v", subscription, snapshot, err)
	}
}

// requireNoMessage checks that a subscription has no message ready.
func (b *bench) requireNoMessage(t *testing.T, subscription, why string) {
	t.Helper()
	if got := b.pullNow(t, subscription, 100); len(got) > 0 {
		t.Errorf("%s: pulled %v", why, texts(got))
	}
}

// testSeekToTime seeks to before the first message, then past the last.
func testSeekToTime(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	retaining, plain := b.mustSubscribe(t, topic, retainAcked), b.mustSubscribe(t, topic)
	start := time.Now().Add(-time.Second)
	b.mustPublishAll(t, topic, text("m1"), text("m2"))
	for _, name := range []string{retaining, plain} {
		b.mustAckAll(t, name, 2)
		b.seekTime(t, name, start)
	}
	if got := b.mustAckAll(t, retaining, 2); !slices.Equal(got, []string{"m1", "m2"}) {
		t.Errorf("pulled %v after the seek, want both acknowledged messages", got)
	}
	b.requireNoMessage(t, plain, "acknowledged messages were restored without being retained")
	b.mustPublish(t, topic, text("m3"))
	b.seekTime(t, retaining, time.Now().Add(time.Hour))
	b.requireNoMessage(t, retaining, "a message was delivered after a seek past it")
	b.seekTime(t, retaining, start)
	want := []string{"m1", "m2", "m3"}
	if b.lacks[seekDropsForGood] {
		want = want[:2]
	}
	if got := b.mustAckAll(t, retaining, len(want)); !slices.Equal(got, want) {
		t.Errorf("pulled %v after the seek, want %v; known difference: %v", got, want, b.lacks[seekDropsForGood])
	}
	b.requireNoMessage(t, retaining, "more messages were restored")
}

// testTopicRetention seeks a subscription to messages published before its creation.
func testTopicRetention(t *testing.T, b broker) {
	topic := "projects/" + project + "/topics/" + b.name(t)
	_, err := b.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: topic, MessageRetentionDuration: durationpb.New(10 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	b.mustPublish(t, topic, text("early"))
	name := b.mustSubscribe(t, topic)
	if got := b.pullNow(t, name, 10); (len(got) > 0) != b.lacks[startsWithRetained] {
		t.Errorf("pulled %v from a new subscription; known difference: %v", texts(got), b.lacks[startsWithRetained])
	}
	b.seekTime(t, name, time.Now().Add(-time.Minute))
	if got := b.mustAckAll(t, name, 1); !slices.Equal(got, []string{"early"}) {
		t.Errorf("pulled %v, want the messages that the topic retains", got)
	}
	s, err := b.SubscriptionAdminClient.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: name})
	if err != nil {
		t.Fatal(err)
	}
	if has := s.GetTopicMessageRetentionDuration().AsDuration() == 10*time.Minute; has == b.lacks[fewDefaults] {
		t.Errorf("topic_message_retention_duration = %v; known difference: %v", s.GetTopicMessageRetentionDuration(), b.lacks[fewDefaults])
	}
}

// testSnapshot seeks to a snapshot of a subscription that had acknowledged one of its
// messages.
func testSnapshot(t *testing.T, b broker) {
	topic := b.mustTopic(t)
	name := b.mustSubscribe(t, topic)
	b.mustPublish(t, topic, text("acknowledged before"))
	b.mustAckAll(t, name, 1)
	b.mustPublish(t, topic, text("backlog"))
	snapshot := "projects/" + project + "/snapshots/" + b.name(t)
	created, err := b.SubscriptionAdminClient.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Name: snapshot, Subscription: name})
	if err != nil {
		t.Fatal(err)
	}
	week := 7 * 24 * time.Hour
	if lifetime := time.Until(created.GetExpireTime().AsTime()); created.GetName() != snapshot || created.GetTopic() != topic || lifetime > week || lifetime < week-time.Hour {
		t.Errorf("snapshot = %v", created)
	}
	b.mustPublish(t, topic, text("later"))
	b.mustAckAll(t, name, 2)
	for range 2 {
		b.seekSnapshot(t, name, snapshot)
		if got := b.mustAckAll(t, name, 2); !slices.Equal(got, []string{"backlog", "later"}) {
			t.Errorf("pulled %v after the seek, want the messages unacknowledged at the snapshot", got)
		}
	}
	t.Run("another subscription may seek to the snapshot", func(t *testing.T) {
		late := b.mustSubscribe(t, topic)
		b.seekSnapshot(t, late, snapshot)
		if b.lacks[snapshotsAreTheirSubscriptions] {
			b.requireNoMessage(t, late, "known difference has disappeared")
			return
		}
		if got := b.mustAckAll(t, late, 2); !slices.Equal(got, []string{"backlog", "later"}) {
			t.Errorf("pulled %v after the seek", got)
		}
	})
	t.Run("a subscription to another topic may not seek to it", func(t *testing.T) {
		_, err := b.SubscriptionAdminClient.Seek(t.Context(), &pb.SeekRequest{
			Subscription: b.mustSubscribe(t, b.mustTopic(t)), Target: &pb.SeekRequest_Snapshot{Snapshot: snapshot}})
		if status.Code(err) != codes.FailedPrecondition {
			t.Errorf("error = %v", err)
		}
	})
	t.Run("is listed, updated and deleted", func(t *testing.T) { testSnapshotAdmin(t, b, topic, name, snapshot) })
}

func testSnapshotAdmin(t *testing.T, b broker, topic, name, snapshot string) {
	admin := b.SubscriptionAdminClient
	var listed []string
	for snap, err := range admin.ListSnapshots(t.Context(), &pb.ListSnapshotsRequest{Project: "projects/" + project}).All() {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, snap.GetName())
	}
	if !slices.Contains(listed, snapshot) {
		t.Errorf("listed %v, want %s among them", listed, snapshot)
	}
	listed = nil
	for name, err := range b.TopicAdminClient.ListTopicSnapshots(t.Context(), &pb.ListTopicSnapshotsRequest{Topic: topic}).All() {
		if err != nil {
			t.Fatal(err)
		}
		listed = append(listed, name)
	}
	if !slices.Equal(listed, []string{snapshot}) {
		t.Errorf("listed %v, want the one of the topic, %s", listed, snapshot)
	}
	_, err := admin.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Name: snapshot, Subscription: name})
	if status.Code(err) != codes.AlreadyExists {
		t.Errorf("second snapshot of the name: %v", err)
	}
	updated, err := admin.UpdateSnapshot(t.Context(), &pb.UpdateSnapshotRequest{
		Snapshot:   &pb.Snapshot{Name: snapshot, Labels: map[string]string{"a": "b"}},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"labels"}}})
	if b.lacks[fewUpdates] {
		if status.Code(err) != codes.Unimplemented {
			t.Errorf("known difference has disappeared: update = %v, %v", updated, err)
		}
	} else if err != nil || updated.GetLabels()["a"] != "b" || updated.GetTopic() != topic {
		t.Errorf("update = %v, %v", updated, err)
	}
	if err := admin.DeleteSnapshot(t.Context(), &pb.DeleteSnapshotRequest{Snapshot: snapshot}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.GetSnapshot(t.Context(), &pb.GetSnapshotRequest{Snapshot: snapshot}); status.Code(err) != codes.NotFound {
		t.Errorf("get a deleted snapshot: %v", err)
	}
	_, err = admin.Seek(t.Context(), &pb.SeekRequest{Subscription: name, Target: &pb.SeekRequest_Snapshot{Snapshot: snapshot}})
	if status.Code(err) != codes.NotFound {
		t.Errorf("seek to a deleted snapshot: %v", err)
	}
	if _, err = admin.Seek(t.Context(), &pb.SeekRequest{Subscription: name}); status.Code(err) != codes.InvalidArgument {
		t.Errorf("seek without a target: %v", err)
	}
}

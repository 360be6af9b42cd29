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

// MustAckAll pulls n messages, acknowledges them and returns their data, sorted.
func (b *bench) MustAckAll(t *testing.T, subscription string, n int) []string {
	t.Helper()
	got := b.MustPullAll(t, subscription, n)
	for _, m := range got {
		b.MustAck(t, subscription, m)
	}
	list := dataOf(got)
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

// MustHaveNothing checks that a subscription has nothing ready.
func (b *bench) MustHaveNothing(t *testing.T, subscription, why string) {
	t.Helper()
	if got := b.pullNow(t, subscription, 100); len(got) > 0 {
		t.Errorf("%s: pulled %v", why, dataOf(got))
	}
}

// testSeekToTime goes back to before the first message, then past the last.
func testSeekToTime(t *testing.T, b broker) {
	topic := b.MustTopic(t)
	retaining, plain := b.MustSubscribe(t, topic, retainAcked), b.MustSubscribe(t, topic)
	start := time.Now().Add(-time.Second)
	b.MustPublishAll(t, topic, text("m1"), text("m2"))
	for _, name := range []string{retaining, plain} {
		b.MustAckAll(t, name, 2)
		b.seekTime(t, name, start)
	}
	if got := b.MustAckAll(t, retaining, 2); !slices.Equal(got, []string{"m1", "m2"}) {
		t.Errorf("after the seek came %v, want both acknowledged messages", got)
	}
	b.MustHaveNothing(t, plain, "acknowledged messages came back that were not retained")
	b.MustPublish(t, topic, text("m3"))
	b.seekTime(t, retaining, time.Now().Add(time.Hour))
	b.MustHaveNothing(t, retaining, "a message came after a seek past it")
	b.seekTime(t, retaining, start)
	want := []string{"m1", "m2", "m3"}
	if b.lacks[seekDropsForGood] {
		want = want[:2]
	}
	if got := b.MustAckAll(t, retaining, len(want)); !slices.Equal(got, want) {
		t.Errorf("after the seek came %v, want %v; known difference: %v", got, want, b.lacks[seekDropsForGood])
	}
	b.MustHaveNothing(t, retaining, "more came back")
}

// testTopicRetention has a subscription get what was published before it existed.
func testTopicRetention(t *testing.T, b broker) {
	topic := "projects/" + project + "/topics/" + b.name(t)
	_, err := b.TopicAdminClient.CreateTopic(t.Context(), &pb.Topic{Name: topic, MessageRetentionDuration: durationpb.New(10 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	b.MustPublish(t, topic, text("early"))
	name := b.MustSubscribe(t, topic)
	if got := b.pullNow(t, name, 10); (len(got) > 0) != b.lacks[startsWithRetained] {
		t.Errorf("a new subscription has %v; known difference: %v", dataOf(got), b.lacks[startsWithRetained])
	}
	b.seekTime(t, name, time.Now().Add(-time.Minute))
	if got := b.MustAckAll(t, name, 1); !slices.Equal(got, []string{"early"}) {
		t.Errorf("pulled %v, want what the topic retains", got)
	}
	s, err := b.SubscriptionAdminClient.GetSubscription(t.Context(), &pb.GetSubscriptionRequest{Subscription: name})
	if err != nil {
		t.Fatal(err)
	}
	if has := s.GetTopicMessageRetentionDuration().AsDuration() == 10*time.Minute; has == b.lacks[fewDefaults] {
		t.Errorf("topic_message_retention_duration = %v; known difference: %v", s.GetTopicMessageRetentionDuration(), b.lacks[fewDefaults])
	}
}

// testSnapshot seeks to a snapshot of a subscription that had acknowledged one of
// its messages.
func testSnapshot(t *testing.T, b broker) {
	topic := b.MustTopic(t)
	name := b.MustSubscribe(t, topic)
	b.MustPublish(t, topic, text("acknowledged before"))
	b.MustAckAll(t, name, 1)
	b.MustPublish(t, topic, text("backlog"))
	snapshot := "projects/" + project + "/snapshots/" + b.name(t)
	created, err := b.SubscriptionAdminClient.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Name: snapshot, Subscription: name})
	if err != nil {
		t.Fatal(err)
	}
	week := 7 * 24 * time.Hour
	if left := time.Until(created.GetExpireTime().AsTime()); created.GetName() != snapshot || created.GetTopic() != topic || left > week || left < week-time.Hour {
		t.Errorf("snapshot = %v", created)
	}
	b.MustPublish(t, topic, text("later"))
	b.MustAckAll(t, name, 2)
	for range 2 {
		b.seekSnapshot(t, name, snapshot)
		if got := b.MustAckAll(t, name, 2); !slices.Equal(got, []string{"backlog", "later"}) {
			t.Errorf("after the seek came %v, want what was not acknowledged at the snapshot", got)
		}
	}
	t.Run("of another subscription", func(t *testing.T) {
		late := b.MustSubscribe(t, topic)
		b.seekSnapshot(t, late, snapshot)
		if b.lacks[snapshotsAreTheirSubscriptions] {
			b.MustHaveNothing(t, late, "known difference is gone")
			return
		}
		if got := b.MustAckAll(t, late, 2); !slices.Equal(got, []string{"backlog", "later"}) {
			t.Errorf("after the seek came %v", got)
		}
	})
	t.Run("of another topic", func(t *testing.T) {
		_, err := b.SubscriptionAdminClient.Seek(t.Context(), &pb.SeekRequest{
			Subscription: b.MustSubscribe(t, b.MustTopic(t)), Target: &pb.SeekRequest_Snapshot{Snapshot: snapshot}})
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
			t.Errorf("known difference is gone: update = %v, %v", updated, err)
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

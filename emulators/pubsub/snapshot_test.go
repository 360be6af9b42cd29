package pubsub_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"souk/emulators/pubsub"
)

// movableClock is a clock that tests can move.
type movableClock struct{ offset atomic.Int64 }

func (c *movableClock) now() time.Time { return time.Now().UTC().Add(time.Duration(c.offset.Load())) }

func (c *movableClock) move(d time.Duration) { c.offset.Add(int64(d)) }

// TestSnapshotExpires creates a snapshot with the name of an expired one: the second
// has its own messages, also after restarts.
func TestSnapshotExpires(t *testing.T) {
	t.Parallel()
	clock, dir := &movableClock{}, t.TempDir()
	b, c := mustConnectNew(t, pubsub.Options{Dir: dir, Clock: clock.now})
	topic := c.mustTopic(t)
	name := c.mustSubscribe(t, topic)
	snapshot := "projects/" + project + "/snapshots/again"
	create := func() error {
		_, err := c.SubscriptionAdminClient.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Name: snapshot, Subscription: name})
		return err
	}
	c.mustPublish(t, topic, text("first"))
	if err := create(); err != nil {
		t.Fatal(err)
	}
	clock.move(7*24*time.Hour - 30*time.Minute)
	_, err := c.SubscriptionAdminClient.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Subscription: name})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("create a snapshot that expires within the hour: %v", err)
	}
	c.mustAckAll(t, name, 1)
	clock.move(time.Hour)
	_, err = c.SubscriptionAdminClient.Seek(t.Context(), &pb.SeekRequest{Subscription: name, Target: &pb.SeekRequest_Snapshot{Snapshot: snapshot}})
	if status.Code(err) != codes.NotFound {
		t.Errorf("seek to an expired snapshot: %v", err)
	}
	c.mustPublish(t, topic, text("second"))
	if err := create(); err != nil {
		t.Fatal(err)
	}
	c.mustAckAll(t, name, 1)
	for range 2 { // from the original records, then from the compacted ones
		mustClose(t, b)
		b, c = mustConnectNew(t, pubsub.Options{Dir: dir, Clock: clock.now})
	}
	c.seekSnapshot(t, name, snapshot)
	if got := c.mustAckAll(t, name, 1); !slices.Equal(got, []string{"second"}) {
		t.Errorf("pulled %v after the seek", got)
	}
	c.requireNoMessage(t, name, "a message of the expired snapshot was restored")
}

func TestSnapshotExpiryIsBounded(t *testing.T) {
	t.Parallel()
	_, c := mustConnectNew(t, pubsub.Options{})
	snapshot, err := c.SubscriptionAdminClient.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{
		Subscription: c.mustSubscribe(t, c.mustTopic(t))})
	if err != nil {
		t.Fatal(err)
	}
	for expiry, want := range map[time.Duration]codes.Code{-time.Hour: codes.InvalidArgument, time.Hour: codes.OK, 8 * 24 * time.Hour: codes.InvalidArgument} {
		_, err := c.SubscriptionAdminClient.UpdateSnapshot(t.Context(), &pb.UpdateSnapshotRequest{
			Snapshot:   &pb.Snapshot{Name: snapshot.GetName(), ExpireTime: timestamppb.New(time.Now().Add(expiry))},
			UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"expire_time"}}})
		if status.Code(err) != want {
			t.Errorf("expiry in %v: %v, want %v", expiry, err, want)
		}
	}
}

// TestRetentionEnds seeks to before messages that are no longer retained.
func TestRetentionEnds(t *testing.T) {
	t.Parallel()
	clock := &movableClock{}
	_, c := mustConnectNew(t, pubsub.Options{Clock: clock.now})
	topic := c.mustTopic(t)
	name := c.mustSubscribe(t, topic, retainAcked, retain(10*time.Minute))
	start := clock.now()
	c.mustPublish(t, topic, text("old"))
	clock.move(6 * time.Minute)
	c.mustPublish(t, topic, text("new"))
	c.mustAckAll(t, name, 2)
	clock.move(6 * time.Minute)
	c.seekTime(t, name, start)
	if got := c.mustAckAll(t, name, 1); !slices.Equal(got, []string{"new"}) {
		t.Errorf("pulled %v after the seek, want the retained messages", got)
	}
	c.requireNoMessage(t, name, "a message older than the retention was restored")
}

// TestExactlyOnceSurvivesAKill kills the broker after an acknowledgement: the message
// is not delivered again, and ack ids of the earlier run are invalid.
func TestExactlyOnceSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, kill := mustStartProcess(t, dir)
	c := mustConnect(t, addr)
	topic := c.mustTopic(t)
	name := c.mustSubscribe(t, topic, exactlyOnce)
	c.mustPublishAll(t, topic, text("acknowledged"), text("outstanding"))
	first, second := c.mustPull(t, name), c.mustPull(t, name)
	if err := c.ack(t, name, first.GetAckId()); err != nil {
		t.Fatal(err)
	}
	kill()
	c = mustConnect(t, mustStart(t, pubsub.Options{Dir: dir}).Addr())
	mustRejectAck(t, c.ack(t, name, second.GetAckId()), invalidAck, second.GetAckId())
	again := c.pullNow(t, name, 10)
	if !slices.Equal(texts(again), []string{"outstanding"}) {
		t.Fatalf("pulled %v after the restart", texts(again))
	}
	mustRejectAck(t, c.ack(t, name, second.GetAckId()), invalidAck, second.GetAckId())
	if err := c.ack(t, name, again[0].GetAckId()); err != nil {
		t.Error(err)
	}
}

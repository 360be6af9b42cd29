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

// movableClock is a clock that tests move.
type movableClock struct{ offset atomic.Int64 }

func (c *movableClock) now() time.Time { return time.Now().UTC().Add(time.Duration(c.offset.Load())) }

func (c *movableClock) move(d time.Duration) { c.offset.Add(int64(d)) }

// TestSnapshotExpires creates a snapshot of the same name again after the first
// has expired: the second has its own messages, after restarts too.
func TestSnapshotExpires(t *testing.T) {
	t.Parallel()
	clock, dir := &movableClock{}, t.TempDir()
	b, c := MustConnectNew(t, pubsub.Options{Dir: dir, Clock: clock.now})
	topic := c.MustTopic(t)
	name := c.MustSubscribe(t, topic)
	snapshot := "projects/" + project + "/snapshots/again"
	create := func() error {
		_, err := c.SubscriptionAdminClient.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Name: snapshot, Subscription: name})
		return err
	}
	c.MustPublish(t, topic, text("first"))
	if err := create(); err != nil {
		t.Fatal(err)
	}
	clock.move(7*24*time.Hour - 30*time.Minute)
	_, err := c.SubscriptionAdminClient.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{Subscription: name})
	if status.Code(err) != codes.FailedPrecondition {
		t.Errorf("a snapshot that would expire within the hour: %v", err)
	}
	c.MustAckAll(t, name, 1)
	clock.move(time.Hour)
	_, err = c.SubscriptionAdminClient.Seek(t.Context(), &pb.SeekRequest{Subscription: name, Target: &pb.SeekRequest_Snapshot{Snapshot: snapshot}})
	if status.Code(err) != codes.NotFound {
		t.Errorf("seek to an expired snapshot: %v", err)
	}
	c.MustPublish(t, topic, text("second"))
	if err := create(); err != nil {
		t.Fatal(err)
	}
	c.MustAckAll(t, name, 1)
	for range 2 { // from the records as they were written, then from the compacted ones
		MustClose(t, b)
		b, c = MustConnectNew(t, pubsub.Options{Dir: dir, Clock: clock.now})
	}
	c.seekSnapshot(t, name, snapshot)
	if got := c.MustAckAll(t, name, 1); !slices.Equal(got, []string{"second"}) {
		t.Errorf("after the seek came %v", got)
	}
	c.MustHaveNothing(t, name, "a message of the expired snapshot came back")
}

func TestSnapshotExpiryIsBounded(t *testing.T) {
	t.Parallel()
	_, c := MustConnectNew(t, pubsub.Options{})
	snapshot, err := c.SubscriptionAdminClient.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{
		Subscription: c.MustSubscribe(t, c.MustTopic(t))})
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

// TestRetentionEnds seeks to before messages that are retained no longer.
func TestRetentionEnds(t *testing.T) {
	t.Parallel()
	clock := &movableClock{}
	_, c := MustConnectNew(t, pubsub.Options{Clock: clock.now})
	topic := c.MustTopic(t)
	name := c.MustSubscribe(t, topic, retainAcked, retain(10*time.Minute))
	start := clock.now()
	c.MustPublish(t, topic, text("old"))
	clock.move(6 * time.Minute)
	c.MustPublish(t, topic, text("new"))
	c.MustAckAll(t, name, 2)
	clock.move(6 * time.Minute)
	c.seekTime(t, name, start)
	if got := c.MustAckAll(t, name, 1); !slices.Equal(got, []string{"new"}) {
		t.Errorf("after the seek came %v, want what is retained", got)
	}
	c.MustHaveNothing(t, name, "a message came back that is older than the retention")
}

// TestExactlyOnceSurvivesAKill kills the broker after an acknowledgement: the
// message does not come again, and ack ids of the former run are void.
func TestExactlyOnceSurvivesAKill(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	addr, kill := MustStartProcess(t, dir)
	c := MustConnect(t, addr)
	topic := c.MustTopic(t)
	name := c.MustSubscribe(t, topic, exactlyOnce)
	c.MustPublishAll(t, topic, text("acknowledged"), text("outstanding"))
	first, second := c.MustPull(t, name), c.MustPull(t, name)
	if err := c.ack(t, name, first.GetAckId()); err != nil {
		t.Fatal(err)
	}
	kill()
	c = MustConnect(t, MustStart(t, pubsub.Options{Dir: dir}).Addr())
	MustRefuseAck(t, c.ack(t, name, second.GetAckId()), invalidAck, second.GetAckId())
	again := c.pullNow(t, name, 10)
	if !slices.Equal(dataOf(again), []string{"outstanding"}) {
		t.Fatalf("pulled %v after the restart", dataOf(again))
	}
	MustRefuseAck(t, c.ack(t, name, second.GetAckId()), invalidAck, second.GetAckId())
	if err := c.ack(t, name, again[0].GetAckId()); err != nil {
		t.Error(err)
	}
}

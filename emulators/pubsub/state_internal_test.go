package pubsub

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"
)

// stateModel applies random operations to a broker with a journal.
type stateModel struct {
	b     *Broker
	now   time.Time
	times []time.Time
}

// TestStateSurvivesRestarts publishes, acknowledges, retains, creates snapshots and
// seeks at random. At any time, a broker that reads the journal has the same state,
// whether compacted or not.
func TestStateSurvivesRestarts(t *testing.T) {
	t.Parallel()
	base, run := t.TempDir(), 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		dir := filepath.Join(base, strconv.Itoa(run))
		m := &stateModel{now: noon}
		m.open(t, dir)
		defer func() { _ = m.b.closeJournal() }()
		m.create(t)
		t.Repeat(map[string]func(*rapid.T){
			"publish":     m.publish,
			"acknowledge": m.acknowledge,
			"retention":   m.retention,
			"snapshot":    m.snapshot,
			"seek":        m.seek,
			"time passes": func(t *rapid.T) {
				m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Minute, time.Hour, 8 * 24 * time.Hour}).Draw(t, "passed"))
			},
			"compact": func(*rapid.T) { m.b.compact() },
			"restart": func(t *rapid.T) {
				want, wantRetained := m.state(t)
				if err := m.b.closeJournal(); err != nil {
					t.Fatal(err)
				}
				m.open(t, dir)
				got, retained := m.state(t)
				if got != want {
					t.Fatalf("state after the restart:\n%s\nbefore:\n%s", got, want)
				}
				for id := range wantRetained {
					if !retained[id] {
						t.Fatalf("message %s is not retained by its topic any more", id)
					}
				}
			},
		})
	})
}

func (m *stateModel) open(t *rapid.T, dir string) {
	m.b = newBroker(Options{Dir: dir, Clock: func() time.Time { return m.now }})
	if err := m.b.open(); err != nil {
		t.Fatal(err)
	}
}

// create creates two topics with two subscriptions each, one of them ordered.
func (m *stateModel) create(t *rapid.T) {
	for _, topic := range []string{"one", "two"} {
		if _, err := m.b.saveTopic(&pb.Topic{Name: topicPath("p", topic)}); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"ordered", "plain"} {
			_, err := m.b.saveSubscription(&pb.Subscription{
				Name: subscriptionPath("p", topic+"-"+kind), Topic: topicPath("p", topic), EnableMessageOrdering: kind == "ordered"})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// state returns the stored state in a canonical form, and separately the messages that
// topics retain: a restart may restore messages that were retained by a snapshot that
// has been deleted since, if the topic retains messages by now.
func (m *stateModel) state(t *rapid.T) (text string, retained map[string]bool) {
	records, err := m.b.stateRecords()
	if err != nil {
		t.Fatal(err)
	}
	retained = map[string]bool{}
	records = slices.DeleteFunc(records, func(r record) bool {
		if r.Message == nil || r.Message.Topic == "" {
			return false
		}
		retained[r.Message.ID] = true
		r.Message.Topic = ""
		return len(r.Message.Subscriptions)+len(r.Message.Acked)+len(r.Message.Snapshots) == 0
	})
	list, err := json.MarshalIndent(records, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(list), retained
}

func (m *stateModel) topic(t *rapid.T) string {
	return topicPath("p", rapid.SampledFrom([]string{"one", "two"}).Draw(t, "topic"))
}

func (m *stateModel) subscription(t *rapid.T) *subscription {
	name := rapid.SampledFrom([]string{"one-ordered", "one-plain", "two-ordered", "two-plain"}).Draw(t, "subscription")
	return m.b.subscriptions[subscriptionPath("p", name)]
}

func (m *stateModel) publish(t *rapid.T) {
	text, key := fmt.Sprint(len(m.times)), rapid.SampledFrom([]string{"", "k"}).Draw(t, "key")
	if _, err := m.b.publish(m.topic(t), []*pb.PubsubMessage{{Data: []byte(text), OrderingKey: key}}, nil); err != nil {
		t.Fatal(err)
	}
	m.times = append(m.times, m.now)
}

func (m *stateModel) acknowledge(t *rapid.T) {
	s := m.subscription(t)
	all := s.queue.inOrder()
	if len(all) == 0 {
		t.Skip("nothing to acknowledge")
	}
	m.b.settle(s, rapid.SampledFrom(all).Draw(t, "acknowledged"))
}

func (m *stateModel) retention(t *rapid.T) {
	if rapid.Bool().Draw(t, "of a topic") {
		update := &pb.Topic{Name: m.topic(t)}
		if rapid.Bool().Draw(t, "set") {
			update.MessageRetentionDuration = durationpb.New(time.Hour)
		}
		_, err := publisher{Broker: m.b}.UpdateTopic(t.Context(), &pb.UpdateTopicRequest{
			Topic: update, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"message_retention_duration"}}})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	s, retain := m.subscription(t), rapid.Bool().Draw(t, "retain")
	_, err := subscriber{Broker: m.b}.UpdateSubscription(t.Context(), &pb.UpdateSubscriptionRequest{
		Subscription: &pb.Subscription{
			Name: s.config.GetName(), RetainAckedMessages: retain,
			MessageRetentionDuration: durationpb.New(time.Hour),
		},
		UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{"retain_acked_messages", "message_retention_duration"}}})
	if err != nil {
		t.Fatal(err)
	}
	if !retain && len(s.acked) > 0 {
		t.Fatalf("%d acknowledged messages are retained, want none", len(s.acked))
	}
}

var snapshotNames = []string{"projects/p/snapshots/first", "projects/p/snapshots/second"}

func (m *stateModel) snapshot(t *rapid.T) {
	name := rapid.SampledFrom(snapshotNames).Draw(t, "snapshot")
	_, err := subscriber{Broker: m.b}.CreateSnapshot(t.Context(), &pb.CreateSnapshotRequest{
		Name: name, Subscription: m.subscription(t).config.GetName()})
	switch status.Code(err) {
	case codes.OK, codes.FailedPrecondition: // the backlog may be too old
	case codes.AlreadyExists:
		if _, err := (subscriber{Broker: m.b}).DeleteSnapshot(t.Context(), &pb.DeleteSnapshotRequest{Snapshot: name}); err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatal(err)
	}
}

// seek seeks to a snapshot or a time, then checks the result.
func (m *stateModel) seek(t *rapid.T) {
	s := m.subscription(t)
	request := &pb.SeekRequest{Subscription: s.config.GetName()}
	if name := rapid.SampledFrom(append(snapshotNames, "")).Draw(t, "target"); name != "" {
		snap := m.b.snapshots[name]
		if snap == nil || snap.config.GetTopic() != s.config.GetTopic() {
			t.Skip("no such snapshot of the topic")
		}
		if snap.config.GetExpireTime().AsTime().Before(m.now) {
			t.Skip("the snapshot has expired")
		}
		request.Target = &pb.SeekRequest_Snapshot{Snapshot: name}
	} else {
		if len(m.times) == 0 {
			t.Skip("no time to seek to")
		}
		request.Target = &pb.SeekRequest_Time{Time: timestamppb.New(rapid.SampledFrom(m.times).Draw(t, "time"))}
	}
	// One message is with a subscriber, one is acknowledged ahead of it.
	s.queue.advance(m.now)
	h := &holder{}
	first, second := s.queue.take(h), s.queue.take(h)
	if first != nil && second != nil {
		m.b.settleWith(s, s.queue.acknowledge, []*delivery{second})
	}
	if _, err := (subscriber{Broker: m.b}).Seek(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	start := request.GetTime().AsTime()
	for _, d := range s.queue.all {
		if d.state == out || d.state == acked {
			t.Fatalf("message %s is outstanding after the seek", d.message.GetMessageId())
		}
		if request.GetSnapshot() == "" && d.message.GetPublishTime().AsTime().Before(start) {
			t.Fatalf("message %s of %v is unacknowledged after a seek to %v", d.message.GetMessageId(), d.message.GetPublishTime().AsTime(), start)
		}
	}
	for _, l := range s.queue.lanes {
		if !slices.IsSortedFunc(l.deliveries, func(a, b *delivery) int {
			return compareIDs(a.message.GetMessageId(), b.message.GetMessageId())
		}) {
			t.Fatal("a key is out of order after the seek")
		}
	}
}

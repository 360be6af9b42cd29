package pubsub

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func newDelivery(id int, key string) *delivery {
	return &delivery{message: &pb.PubsubMessage{MessageId: strconv.Itoa(id), OrderingKey: key}}
}

// queueModel drives a queue with random operations and holds the expected state.
type queueModel struct {
	*queue
	now                time.Time
	published, settled int
	holders            []*holder
	// outstanding maps each delivery that is out to its subscriber.
	outstanding map[*delivery]*holder
}

// TestQueueRules applies random operations to a queue with ordering keys: no message is
// lost or handed out twice at once, none is handed out before it is due, and one is
// only handed out when all older ones of its key are settled or with the same
// subscriber.
func TestQueueRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := &queueModel{
			queue: newQueue(true, rapid.Bool().Draw(t, "shuffled")), now: noon,
			// A nil holder is a push, which sends one message of a key at a time.
			holders: []*holder{nil, {}, {}}, outstanding: map[*delivery]*holder{},
		}
		t.Repeat(map[string]func(*rapid.T){
			"publish": m.publish,
			"take":    m.takeNext,
			"lease":   func(t *rapid.T) { m.lease(m.pick(t), m.now.Add(2*time.Second)) },
			"retry": func(t *rapid.T) {
				d := m.pick(t)
				delete(m.outstanding, d)
				m.onRecall(t, d, m.retry(d, m.now.Add(time.Second)))
			},
			"acknowledge": func(t *rapid.T) {
				d := m.pick(t)
				m.done(m.acknowledge(d))
				delete(m.outstanding, d)
			},
			"settle": func(t *rapid.T) { m.done(m.settle(m.pick(t))) },
			"drop": func(t *rapid.T) {
				all := m.inOrder()
				if len(all) == 0 {
					t.Skip("no message to drop")
				}
				m.done(m.settle(rapid.SampledFrom(all).Draw(t, "dropped")))
			},
			"recall": func(*rapid.T) {
				m.recall(m.now)
				clear(m.outstanding)
			},
			"time passes": func(*rapid.T) { m.now = m.now.Add(time.Second) },
			"":            m.check,
		})
		m.drain(t)
	})
}

func (m *queueModel) publish(t *rapid.T) {
	m.published++
	key := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key")
	m.add(newDelivery(m.published, key), m.now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "delay"))*time.Second))
}

func (m *queueModel) takeNext(t *rapid.T) {
	for _, d := range m.advance(m.now) {
		if d.state == out {
			delete(m.outstanding, d)
			m.onRecall(t, d, m.retry(d, m.now))
		}
	}
	h := rapid.SampledFrom(m.holders).Draw(t, "holder")
	d := m.take(h)
	if d == nil {
		t.Skip("no message is ready")
	}
	if _, twice := m.outstanding[d]; twice {
		t.Fatalf("message %s was handed out twice", d.message.GetMessageId())
	}
	key := d.message.GetOrderingKey()
	first := true
	for _, other := range m.all {
		if key == "" || other.message.GetOrderingKey() != key || !older(other, d) {
			continue
		}
		first = false
		if with, isOut := m.outstanding[other]; other.state != acked && (!isOut || with != h || h == nil) {
			t.Fatalf("message %s was handed out to %p, %s of its key before it is %v with %p",
				d.message.GetMessageId(), h, other.message.GetMessageId(), other.state, with)
		}
	}
	// A message that continues a key follows one that was due.
	if first && d.due.After(m.now) {
		t.Fatalf("message %s was handed out before %v", d.message.GetMessageId(), d.due)
	}
	m.outstanding[d] = h
}

// pick returns a random outstanding delivery.
func (m *queueModel) pick(t *rapid.T) *delivery {
	var all []*delivery
	for _, d := range m.inOrder() {
		if _, ok := m.outstanding[d]; ok {
			all = append(all, d)
		}
	}
	if len(all) == 0 {
		t.Skip("no message is outstanding")
	}
	return rapid.SampledFrom(all).Draw(t, "picked")
}

func (m *queueModel) onRecall(t *rapid.T, d *delivery, recalled []*delivery) {
	for _, other := range recalled {
		if !older(d, other) || other.message.GetOrderingKey() != d.message.GetOrderingKey() {
			t.Fatalf("message %s was recalled with %s", other.message.GetMessageId(), d.message.GetMessageId())
		}
		delete(m.outstanding, other)
	}
}

func (m *queueModel) done(removed []*delivery) {
	for _, d := range removed {
		delete(m.outstanding, d)
		m.settled++
	}
}

func (m *queueModel) check(t *rapid.T) {
	if m.size() != m.published-m.settled {
		t.Fatalf("the queue has %d of %d", m.size(), m.published-m.settled)
	}
	for key, l := range m.lanes {
		for i, d := range l.deliveries {
			_, isOut := m.outstanding[d]
			isOutstanding := d.state == out && isOut || d.state == acked && i > 0
			switch {
			case i < l.outstanding && !isOutstanding,
				i == 0 && l.outstanding == 0 && d.state != ready && d.state != waiting,
				i >= l.outstanding && i > 0 && d.state != blocked:
				t.Fatalf("key %s: message %s at place %d of %d outstanding is %v", key, d.message.GetMessageId(), i, l.outstanding, d.state)
			}
		}
	}
}

// drain settles all messages, which must be possible from any state.
func (m *queueModel) drain(t *rapid.T) {
	m.recall(m.now)
	m.now = m.now.Add(time.Hour)
	for m.size() > 0 {
		m.advance(m.now)
		d := m.take(nil)
		if d == nil {
			t.Fatalf("%d messages are stuck", m.size())
		}
		m.settle(d)
	}
	if len(m.lanes) > 0 || len(m.timers) > 0 {
		t.Fatalf("an empty queue has %d lanes and %d timers", len(m.lanes), len(m.timers))
	}
}

// TestHolderGetsSeveralOfAKey hands out messages of two keys: the first holder may
// continue its keys, others may not, and an unacknowledged message is delivered again
// before those after it.
func TestHolderGetsSeveralOfAKey(t *testing.T) {
	t.Parallel()
	q := newQueue(true, false)
	for i, key := range []string{"a", "b", "a", "b", "a", "c"} {
		q.add(newDelivery(i+1, key), noon)
	}
	stream, other := &holder{}, &holder{}
	receive := func(h *holder, n int) (ids []string) {
		q.advance(noon)
		for range n {
			if d := q.take(h); d != nil {
				ids = append(ids, d.message.GetMessageId())
			}
		}
		return ids
	}
	if got := receive(stream, 5); !slices.Equal(got, []string{"1", "2", "3", "4", "5"}) {
		t.Errorf("the stream received %v, want all messages of its keys in order", got)
	}
	if got := receive(other, 5); !slices.Equal(got, []string{"6"}) {
		t.Errorf("another stream received %v, want the key without a holder", got)
	}
	q.acknowledge(q.all["5"])
	if recalled := q.retry(q.all["1"], noon); len(recalled) != 2 {
		t.Errorf("%d were recalled, want those after it, acknowledged or not", len(recalled))
	}
	if got := receive(other, 5); !slices.Equal(got, []string{"1", "3", "5"}) {
		t.Errorf("received %v after the retry, want the key from the retried message on", got)
	}
	q.settle(q.all["2"])
	q.add(newDelivery(7, "b"), noon)
	if got := receive(stream, 5); !slices.Equal(got, []string{"7"}) {
		t.Errorf("the stream received %v, want the new message of its key", got)
	}
	if done := q.acknowledge(q.all["7"]); len(done) != 0 || q.size() != 6 {
		t.Errorf("%d were settled, %d remain, want none settled while an older one is out", len(done), q.size())
	}
	if done := q.acknowledge(q.all["4"]); len(done) != 2 {
		t.Errorf("%d were settled, want both of the key", len(done))
	}
}

func TestQueueIsFirstInFirstOut(t *testing.T) {
	t.Parallel()
	q := newQueue(false, false)
	for id := range 20 {
		q.add(newDelivery(id+1, ""), noon)
	}
	q.advance(noon)
	for id := range 20 {
		if got := q.take(nil).message.GetMessageId(); got != strconv.Itoa(id+1) {
			t.Fatalf("message %s was received at position %d", got, id+1)
		}
	}
}

func TestBackoffGrowsToItsMaximum(t *testing.T) {
	t.Parallel()
	policy := func(minimum, maximum time.Duration) *pb.RetryPolicy {
		return &pb.RetryPolicy{MinimumBackoff: durationpb.New(minimum), MaximumBackoff: durationpb.New(maximum)}
	}
	push := &pb.PushConfig{PushEndpoint: "http://127.0.0.1"}
	cases := map[string]struct {
		config *pb.Subscription
		want   []time.Duration
	}{
		"policy":           {&pb.Subscription{RetryPolicy: policy(time.Second, 5*time.Second)}, []time.Duration{1e9, 2e9, 4e9, 5e9, 5e9}},
		"fixed":            {&pb.Subscription{RetryPolicy: policy(time.Second, time.Second)}, []time.Duration{1e9, 1e9, 1e9}},
		"none":             {&pb.Subscription{RetryPolicy: policy(0, 0)}, []time.Duration{0, 0}},
		"open policy":      {&pb.Subscription{RetryPolicy: &pb.RetryPolicy{}}, []time.Duration{10e9, 20e9, 40e9, 80e9, 160e9, 320e9, 600e9}},
		"push, no policy":  {&pb.Subscription{PushConfig: push}, []time.Duration{100e6, 200e6, 400e6}},
		"pull, no policy":  {&pb.Subscription{}, []time.Duration{0, 0}},
		"maximum not even": {&pb.Subscription{RetryPolicy: policy(3*time.Second, 10*time.Second)}, []time.Duration{3e9, 6e9, 10e9}},
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &subscription{config: test.config}
			for i, want := range test.want {
				if got := s.backoff(i + 1); got != want {
					t.Errorf("after %d failures: %v, want %v", i+1, got, want)
				}
			}
		})
	}
}

func TestCompareIDsOrdersNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64Min(0).Draw(t, "a"), rapid.Int64Min(0).Draw(t, "b")
		if got := compareIDs(fmt.Sprint(a), fmt.Sprint(b)); (got < 0) != (a < b) || (got == 0) != (a == b) {
			t.Fatalf("compareIDs(%d, %d) = %d", a, b, got)
		}
	})
}

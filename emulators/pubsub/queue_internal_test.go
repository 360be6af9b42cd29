package pubsub

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/types/known/durationpb"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func deliveryOf(id int, key string) *delivery {
	return &delivery{message: &pb.PubsubMessage{MessageId: strconv.Itoa(id), OrderingKey: key}}
}

// TestQueueKeepsItsPromises plays at random against a queue with ordering keys:
// nothing is lost or handed out twice at once, nothing comes before it is due,
// and of each key only the oldest unsettled message is ever out.
func TestQueueKeepsItsPromises(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		q := newQueue(true, rapid.Bool().Draw(t, "shuffled"))
		now, published, settledCount := noon, 0, 0
		outNow := map[*delivery]bool{}
		pick := func(t *rapid.T) *delivery {
			for d := range outNow {
				return d
			}
			t.Skip("nothing is out")
			return nil
		}
		t.Repeat(map[string]func(*rapid.T){
			"publish": func(t *rapid.T) {
				published++
				key := rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "key")
				q.add(deliveryOf(published, key), now.Add(time.Duration(rapid.IntRange(0, 3).Draw(t, "delay"))*time.Second))
			},
			"take": func(t *rapid.T) {
				for _, d := range q.advance(now) {
					delete(outNow, d)
					q.retry(d, now)
				}
				d := q.take()
				if d == nil {
					t.Skip("nothing is ready")
				}
				if outNow[d] || d.due.After(now) {
					t.Fatalf("message %s was taken twice or before %v", d.message.GetMessageId(), d.due)
				}
				outNow[d] = true
			},
			"lease":  func(t *rapid.T) { q.lease(pick(t), now.Add(2*time.Second)) },
			"retry":  func(t *rapid.T) { d := pick(t); delete(outNow, d); q.retry(d, now.Add(time.Second)) },
			"settle": func(t *rapid.T) { d := pick(t); delete(outNow, d); q.settle(d); settledCount++ },
			"drop": func(t *rapid.T) {
				all := q.inOrder()
				if len(all) == 0 {
					t.Skip("nothing to drop")
				}
				d := rapid.SampledFrom(all).Draw(t, "dropped")
				delete(outNow, d)
				q.settle(d)
				settledCount++
			},
			"time passes": func(*rapid.T) { now = now.Add(time.Second) },
			"": func(t *rapid.T) {
				if q.size() != published-settledCount {
					t.Fatalf("the queue holds %d of %d", q.size(), published-settledCount)
				}
				checkLanes(t, q)
			},
		})
		drain(t, q, now)
	})
}

// checkLanes fails when a message is out or ready before an older one of its key.
func checkLanes(t *rapid.T, q *queue) {
	for key, lane := range q.lanes {
		for _, d := range lane[1:] {
			if d.state != blocked {
				t.Fatalf("key %s: message %s is not blocked behind %s", key, d.message.GetMessageId(), lane[0].message.GetMessageId())
			}
		}
	}
}

// drain settles everything, which must be possible from any state.
func drain(t *rapid.T, q *queue, now time.Time) {
	for _, d := range q.inOrder() {
		if d.state == out {
			q.retry(d, now)
		}
	}
	now = now.Add(time.Hour)
	for q.size() > 0 {
		q.advance(now)
		d := q.take()
		if d == nil {
			t.Fatalf("%d messages are stuck", q.size())
		}
		q.settle(d)
	}
	if len(q.lanes) > 0 || len(q.timers) > 0 {
		t.Fatalf("an empty queue keeps %d lanes and %d timers", len(q.lanes), len(q.timers))
	}
}

func TestQueueIsFirstInFirstOut(t *testing.T) {
	t.Parallel()
	q := newQueue(false, false)
	for id := range 20 {
		q.add(deliveryOf(id+1, ""), noon)
	}
	q.advance(noon)
	for id := range 20 {
		if got := q.take().message.GetMessageId(); got != strconv.Itoa(id+1) {
			t.Fatalf("message %s came at place %d", got, id+1)
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

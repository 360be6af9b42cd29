package pubsub

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// state is where a delivery stands.
type state int

const (
	// ready may be sent at once.
	ready state = iota
	// waiting may be sent when it is due.
	waiting
	// blocked waits for an earlier message of its ordering key.
	blocked
	// out is with a subscriber; with a lease, it comes back when that ends.
	out
	// settled is acknowledged, dead-lettered or dropped.
	settled
)

// delivery is one message on its way to one subscription.
type delivery struct {
	// message is shared by all subscriptions of its topic and never changed.
	message *pb.PubsubMessage
	// failures counts the negative acknowledgements and missed deadlines so far.
	failures int
	state    state
	// due is when a waiting delivery may be sent, or when a lease ends.
	due time.Time
	// position in the queue's timers, -1 outside.
	position int

	// ackID and consumer belong to the last hand-over to a pulling client.
	ackID    string
	consumer *consumer
}

// attempt numbers the delivery that is under way or next, from 1.
func (d *delivery) attempt() int { return d.failures + 1 }

// queue holds what one subscription has not acknowledged, and decides what may
// be sent when. It does no I/O and is told the time, so that its rules can be
// tested alone. Its user holds the lock.
type queue struct {
	all   map[string]*delivery
	ready []*delivery
	// timers holds the waiting and the leased, the soonest first.
	timers timers
	// lanes holds, for each ordering key, its unsettled deliveries in order. Only
	// the first may be sent.
	lanes   map[string][]*delivery
	ordered bool
	// shuffled takes ready deliveries in random order.
	shuffled bool
}

func newQueue(ordered, shuffled bool) *queue {
	return &queue{
		all:      map[string]*delivery{},
		lanes:    map[string][]*delivery{},
		ordered:  ordered,
		shuffled: shuffled,
	}
}

func (q *queue) size() int { return len(q.all) }

// add queues a delivery, not to be sent before due.
func (q *queue) add(d *delivery, due time.Time) {
	d.position, d.due = -1, due
	q.all[d.message.GetMessageId()] = d
	if key, ok := q.laneOf(d); ok {
		q.lanes[key] = append(q.lanes[key], d)
		if len(q.lanes[key]) > 1 {
			d.state = blocked
			return
		}
	}
	q.wait(d, due)
}

// advance makes ready what is due at now and returns the deliveries whose lease
// has ended; they stay out until the caller retries or settles them.
func (q *queue) advance(now time.Time) []*delivery {
	var expired []*delivery
	for len(q.timers) > 0 && !q.timers[0].due.After(now) {
		d := heap.Pop(&q.timers).(*delivery)
		if d.state == waiting {
			d.state = ready
			q.ready = append(q.ready, d)
			continue
		}
		expired = append(expired, d)
	}
	return expired
}

// take hands over the next ready delivery, nil if there is none.
func (q *queue) take() *delivery {
	for len(q.ready) > 0 {
		if q.shuffled {
			i := rand.IntN(len(q.ready))
			q.ready[0], q.ready[i] = q.ready[i], q.ready[0]
		}
		d := q.ready[0]
		q.ready[0] = nil
		q.ready = q.ready[1:]
		// A ready delivery that was settled meanwhile is only removed here.
		if d.state == ready {
			d.state = out
			return d
		}
	}
	return nil
}

// lease has a delivery that is out come back at until.
func (q *queue) lease(d *delivery, until time.Time) {
	q.untime(d)
	d.due = until
	heap.Push(&q.timers, d)
}

// retry puts a delivery that was out back, not to be sent before due.
func (q *queue) retry(d *delivery, due time.Time) {
	q.untime(d)
	q.wait(d, due)
}

// settle removes a delivery for good and lets the next of its key go.
func (q *queue) settle(d *delivery) {
	q.untime(d)
	d.state = settled
	delete(q.all, d.message.GetMessageId())
	key, ok := q.laneOf(d)
	if !ok {
		return
	}
	lane := q.lanes[key]
	lane = slices.Delete(lane, slices.Index(lane, d), slices.Index(lane, d)+1)
	if len(lane) == 0 {
		delete(q.lanes, key)
		return
	}
	q.lanes[key] = lane
	if next := lane[0]; next.state == blocked {
		q.wait(next, next.due)
	}
}

// next is when something becomes due, the zero time if nothing will.
func (q *queue) next() time.Time {
	if len(q.timers) == 0 {
		return time.Time{}
	}
	return q.timers[0].due
}

// inOrder lists all unsettled deliveries as they were published.
func (q *queue) inOrder() []*delivery {
	list := make([]*delivery, 0, len(q.all))
	for _, d := range q.all {
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b *delivery) int {
		return compareIDs(a.message.GetMessageId(), b.message.GetMessageId())
	})
	return list
}

func (q *queue) laneOf(d *delivery) (key string, ok bool) {
	key = d.message.GetOrderingKey()
	return key, q.ordered && key != ""
}

func (q *queue) wait(d *delivery, due time.Time) {
	d.state, d.due = waiting, due
	heap.Push(&q.timers, d)
}

func (q *queue) untime(d *delivery) {
	if d.position >= 0 {
		heap.Remove(&q.timers, d.position)
	}
}

// timers is a heap of deliveries by due, then by publication, so that messages
// that become due together leave in the order they came.
type timers []*delivery

func (t timers) Len() int { return len(t) }

func (t timers) Less(i, j int) bool {
	if !t[i].due.Equal(t[j].due) {
		return t[i].due.Before(t[j].due)
	}
	return compareIDs(t[i].message.GetMessageId(), t[j].message.GetMessageId()) < 0
}

func (t timers) Swap(i, j int) {
	t[i], t[j] = t[j], t[i]
	t[i].position, t[j].position = i, j
}

func (t *timers) Push(x any) {
	d := x.(*delivery)
	d.position = len(*t)
	*t = append(*t, d)
}

func (t *timers) Pop() any {
	old := *t
	d := old[len(old)-1]
	old[len(old)-1] = nil
	*t = old[:len(old)-1]
	d.position = -1
	return d
}

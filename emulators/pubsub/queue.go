package pubsub

import (
	"container/heap"
	"math/rand/v2"
	"slices"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// state is the state of a delivery.
type state int

const (
	// ready means that it may be sent at once.
	ready state = iota
	// waiting means that it may be sent when it is due.
	waiting
	// blocked means that it waits for an earlier message of its ordering key.
	blocked
	// out means that a subscriber has it; with a lease, it returns when that ends.
	out
	// acked means that it is acknowledged, but an earlier message of its ordering key is not.
	acked
	// settled means that it is acknowledged, dead-lettered or dropped.
	settled
)

// delivery is the delivery of one message to one subscription.
type delivery struct {
	// message is shared by all subscriptions of its topic and never changed.
	message *pb.PubsubMessage
	// failures counts the negative acknowledgements and missed deadlines so far.
	failures int
	state    state
	// due is when a waiting delivery may be sent, or when a lease ends.
	due time.Time
	// position is its index in the queue's timers, -1 if it is not there.
	position int

	// handOver is the number of the last hand-over to a subscriber. ackID and
	// consumer belong to it, if the subscriber pulls.
	handOver int64
	ackID    string
	consumer *consumer
}

// attempt returns the number of the current or next attempt, from 1.
func (d *delivery) attempt() int { return d.failures + 1 }

// queue holds the unacknowledged messages of one subscription and decides which may
// be sent when. It does no I/O and receives the time as an argument, so that its rules
// can be tested alone. Callers must hold the broker's lock.
type queue struct {
	all   map[string]*delivery
	ready []*delivery
	// timers holds the waiting and the leased deliveries, the earliest first.
	timers timers
	// lanes are the queues of the ordering keys. Only the first delivery of a lane is in
	// ready or timers, unless it is leased.
	lanes   map[string]*lane
	ordered bool
	// shuffled makes take choose ready deliveries in random order.
	shuffled bool
}

func newQueue(ordered, shuffled bool) *queue {
	return &queue{
		all:      map[string]*delivery{},
		lanes:    map[string]*lane{},
		ordered:  ordered,
		shuffled: shuffled,
	}
}

func (q *queue) size() int { return len(q.all) }

// add queues a delivery, to be sent not before due.
func (q *queue) add(d *delivery, due time.Time) {
	d.position, d.due = -1, due
	q.all[d.message.GetMessageId()] = d
	if q.ordered && d.message.GetOrderingKey() != "" {
		q.insert(d)
		return
	}
	q.wait(d, due)
}

// advance makes deliveries ready that are due at now. It returns those whose lease
// has ended, which stay out until the caller retries or settles them.
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

// take removes and returns the next delivery for h, nil if there is none: the older
// one of the first ready delivery and the first that continues a lane of h.
func (q *queue) take(h *holder) *delivery {
	d, continued := q.firstReady(), h.continued()
	switch {
	case continued != nil && (d == nil || older(continued, d)):
		d = continued
		h.dropLane()
	case d != nil:
		q.ready[0] = nil
		q.ready = q.ready[1:]
	default:
		return nil
	}
	d.state = out
	if l := q.findLane(d); l != nil {
		l.outstanding++
		l.holder = h
		q.advanceLane(l)
	}
	return d
}

// firstReady returns the first ready delivery without removing it: a random one if
// shuffled, nil if there is none.
func (q *queue) firstReady() *delivery {
	for len(q.ready) > 0 {
		if q.shuffled {
			i := rand.IntN(len(q.ready))
			q.ready[0], q.ready[i] = q.ready[i], q.ready[0]
		}
		if d := q.ready[0]; d.state == ready {
			return d
		}
		// It was settled or blocked in the meantime.
		q.ready[0] = nil
		q.ready = q.ready[1:]
	}
	return nil
}

// lease sets the time at which an outstanding delivery returns to the queue.
func (q *queue) lease(d *delivery, until time.Time) {
	q.untime(d)
	d.due = until
	heap.Push(&q.timers, d)
}

// retry returns an outstanding delivery to the queue, to be sent not before due. It
// also returns the outstanding ones after it in its lane to the queue, and lists them.
func (q *queue) retry(d *delivery, due time.Time) (recalled []*delivery) {
	l := q.findLane(d)
	if l == nil {
		q.untime(d)
		q.wait(d, due)
		return nil
	}
	return q.rewind(l, d, due)
}

// recall returns all outstanding deliveries to the queue, to be sent again at once,
// and lists them.
func (q *queue) recall(now time.Time) (recalled []*delivery) {
	for _, d := range q.all {
		if d.state != out && d.state != acked {
			continue
		}
		recalled = append(recalled, d)
		if q.findLane(d) == nil {
			q.untime(d)
			q.wait(d, now)
		}
	}
	for _, l := range q.lanes {
		if l.outstanding > 0 {
			q.rewind(l, l.deliveries[0], now)
		}
	}
	return recalled
}

// acknowledge settles a delivery, or marks it until the outstanding ones before it in
// its lane are settled. It returns the settled deliveries.
func (q *queue) acknowledge(d *delivery) []*delivery {
	if l := q.findLane(d); l != nil && d.state == out && l.deliveries[0] != d {
		q.untime(d)
		d.state = acked
		return nil
	}
	return q.settle(d)
}

// settle removes a delivery for good, with those that were acknowledged ahead of it,
// and unblocks the next of its key. It returns the removed deliveries.
func (q *queue) settle(d *delivery) []*delivery {
	removed := []*delivery{d}
	if l := q.findLane(d); l != nil {
		removed = append(removed, q.removeFromLane(l, d)...)
	}
	for _, d := range removed {
		q.untime(d)
		d.state = settled
		delete(q.all, d.message.GetMessageId())
	}
	return removed
}

// next returns when the next delivery becomes due, the zero time if none will.
func (q *queue) next() time.Time {
	if len(q.timers) == 0 {
		return time.Time{}
	}
	return q.timers[0].due
}

// oldest returns the unsettled delivery that was published first, nil if there is
// none.
func (q *queue) oldest() *delivery {
	var oldest *delivery
	for _, d := range q.all {
		if oldest == nil || older(d, oldest) {
			oldest = d
		}
	}
	return oldest
}

// inOrder returns all unsettled deliveries in the order of publication.
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

func (q *queue) wait(d *delivery, due time.Time) {
	d.state, d.due = waiting, due
	heap.Push(&q.timers, d)
}

func (q *queue) untime(d *delivery) {
	if d.position >= 0 {
		heap.Remove(&q.timers, d.position)
	}
}

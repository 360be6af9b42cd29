package pubsub

import (
	"slices"
	"time"
)

// lane is the queue of one ordering key.
type lane struct {
	// deliveries are the unsettled ones, oldest first. The first outstanding of them
	// are out, or acknowledged ahead of an older one (acked).
	deliveries  []*delivery
	outstanding int
	// holder may receive further deliveries while some are outstanding. Without a
	// holder, the lane continues when none is outstanding.
	holder *holder
	// listedBy is the holder whose list contains the lane.
	listedBy *holder
}

// holder is a subscriber that receives deliveries. A stream may hold several of an
// ordering key at a time, a pull request those that it returns together:
// https://cloud.google.com/pubsub/docs/ordering. Pushes have no holder: they send
// one of a key at a time.
type holder struct {
	// lanes are those that may have a next delivery for this holder.
	lanes []*lane
}

// findLane returns the lane of a delivery, nil if it has none.
func (q *queue) findLane(d *delivery) *lane {
	if key := d.message.GetOrderingKey(); q.ordered && key != "" {
		return q.lanes[key]
	}
	return nil
}

// insert adds a delivery to the lane of its key, ordered by age.
func (q *queue) insert(d *delivery) {
	key := d.message.GetOrderingKey()
	l := q.lanes[key]
	if l == nil {
		l = &lane{}
		q.lanes[key] = l
	}
	d.state = blocked
	i := len(l.deliveries)
	for i > l.outstanding && older(d, l.deliveries[i-1]) {
		i--
	}
	if i == 0 && len(l.deliveries) > 0 {
		// The former head has to wait for this one.
		q.untime(l.deliveries[0])
		l.deliveries[0].state = blocked
	}
	l.deliveries = slices.Insert(l.deliveries, i, d)
	q.advanceLane(l)
}

// advanceLane makes the next delivery of a lane available: to all subscribers if none
// is outstanding, else only to the holder.
func (q *queue) advanceLane(l *lane) {
	if l.outstanding == len(l.deliveries) {
		return
	}
	if l.outstanding == 0 {
		l.holder = nil
		if head := l.deliveries[0]; head.state == blocked {
			q.wait(head, head.due)
		}
		return
	}
	if l.holder != nil && l.listedBy != l.holder {
		l.listedBy = l.holder
		l.holder.lanes = append(l.holder.lanes, l)
	}
}

// continued returns the next delivery of the first lane that h may continue, nil
// if there is none.
func (h *holder) continued() *delivery {
	if h == nil {
		return nil
	}
	for len(h.lanes) > 0 {
		l := h.lanes[0]
		if l.holder == h && l.outstanding > 0 && l.outstanding < len(l.deliveries) {
			return l.deliveries[l.outstanding]
		}
		h.dropLane()
	}
	return nil
}

// dropLane removes the first lane of the list.
func (h *holder) dropLane() {
	l := h.lanes[0]
	h.lanes[0] = nil
	h.lanes = h.lanes[1:]
	if l.listedBy == h {
		l.listedBy = nil
	}
}

// removeFromLane removes a settled delivery, then all that were acknowledged
// ahead of it, and returns the latter.
func (q *queue) removeFromLane(l *lane, d *delivery) (acknowledged []*delivery) {
	l.remove(slices.Index(l.deliveries, d))
	for l.outstanding > 0 && l.deliveries[0].state == acked {
		acknowledged = append(acknowledged, l.deliveries[0])
		l.remove(0)
	}
	if len(l.deliveries) == 0 {
		delete(q.lanes, d.message.GetOrderingKey())
	} else {
		q.advanceLane(l)
	}
	return acknowledged
}

func (l *lane) remove(i int) {
	if i < l.outstanding {
		l.outstanding--
	}
	if i > 0 {
		l.deliveries = slices.Delete(l.deliveries, i, i+1)
		return
	}
	l.deliveries[0] = nil // the common case, without moving the others
	l.deliveries = l.deliveries[1:]
}

// rewind returns the outstanding deliveries of a lane from d on to the queue, to be
// delivered again in order and not before due, and returns those after d. Like
// Pub/Sub, it also redelivers acknowledged messages that follow an unacknowledged
// one: https://cloud.google.com/pubsub/docs/ordering
func (q *queue) rewind(l *lane, d *delivery, due time.Time) (recalled []*delivery) {
	i := slices.Index(l.deliveries, d)
	for _, d := range l.deliveries[i:l.outstanding] {
		q.untime(d)
		d.state, d.due = blocked, due
	}
	recalled = slices.Clone(l.deliveries[i+1 : l.outstanding])
	// Deliveries before d stay outstanding; none is added to them.
	l.outstanding, l.holder = i, nil
	q.advanceLane(l)
	return recalled
}

// older reports whether a was published before b.
func older(a, b *delivery) bool {
	return compareIDs(a.message.GetMessageId(), b.message.GetMessageId()) < 0
}

package payment

import (
	"container/heap"
	"time"
)

// dueItem is a value with the time at which it is due. Order decides between equal times.
type dueItem[T any] struct {
	at    time.Time
	order int64
	value T
}

// dueItems implements heap.Interface.
type dueItems[T any] []dueItem[T]

func (h dueItems[T]) Len() int { return len(h) }
func (h dueItems[T]) Less(i, j int) bool {
	if c := h[i].at.Compare(h[j].at); c != 0 {
		return c < 0
	}
	return h[i].order < h[j].order
}
func (h dueItems[T]) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueItems[T]) Push(x any)   { *h = append(*h, x.(dueItem[T])) }
func (h *dueItems[T]) Pop() any {
	last := len(*h) - 1
	item := (*h)[last]
	(*h)[last] = dueItem[T]{}
	*h = (*h)[:last]
	return item
}

// dueHeap has values ordered by the time at which they are due.
type dueHeap[T any] struct{ items dueItems[T] }

func (h *dueHeap[T]) push(at time.Time, order int64, value T) {
	heap.Push(&h.items, dueItem[T]{at, order, value})
}

// next returns the time of the first value, zero without any.
func (h *dueHeap[T]) next() time.Time {
	if len(h.items) == 0 {
		return time.Time{}
	}
	return h.items[0].at
}

// pop removes and returns the first value if it is due.
func (h *dueHeap[T]) pop(now time.Time) (value T, at time.Time, ok bool) {
	if len(h.items) == 0 || h.items[0].at.After(now) {
		return value, at, false
	}
	item := heap.Pop(&h.items).(dueItem[T])
	return item.value, item.at, true
}

// advance makes the changes that are due by time: late captures and expiries. The caller must
// hold mu.
func (p *Provider) advance() {
	now := p.now()
	for {
		i, at, ok := p.due.pop(now)
		if !ok {
			return
		}
		e := p.payments[i]
		if !e.Due.Equal(at) {
			continue // The payment changed in the meantime.
		}
		next := *e
		next.clearDue()
		if e.State == Processing {
			next.State, next.CapturedAmount, next.Pending = Captured, e.Pending, 0
		} else {
			next.State = Expired
		}
		if _, err := p.change(e, next, nil); err != nil {
			// Only the journal can fail, and then every later request fails too.
			p.options.Logger.Error("change a payment that is due", "payment", e.ID, "error", err)
			p.due.push(at, int64(i), i)
			return
		}
	}
}

package webhook_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/event"
	"souk/shared/testsample"
)

// TestOutage has an endpoint that is down for an hour, beside one that does not respond. Afterwards
// the first has got every event, those of each resource in their order although they arrive in any,
// and those whose responses were lost twice, with the same id. The second delays none of them.
func TestOutage(t *testing.T) {
	t.Parallel()
	minutes, perMinute := 60, 5
	if testsample.Long() {
		perMinute = 10_000/minutes + 1
	}
	f, r, slow := open(t, nil), newReceiver(t), newReceiver(t)
	f.mustSubscribe(t, r, "*")
	r.down()
	products := newProducts(max(perMinute*minutes/10, 1))
	begin := time.Now()
	published := map[uuid.UUID]bool{}
	for range minutes {
		events := products.next(t, f, perMinute)
		for _, e := range events {
			published[e.ID] = true
		}
		f.mustFanoutAll(t, events)
		f.mustTick(t, time.Minute)
	}
	_, duringOutage := r.all()
	release, arrived := make(chan struct{}), make(chan struct{}, 1000)
	unblock := sync.OnceFunc(func() { close(release) })
	t.Cleanup(unblock)
	slow.set(func(http.ResponseWriter, *http.Request) bool {
		arrived <- struct{}{}
		<-release
		return true
	})
	f.background = f.mustSubscribe(t, slow, "*").ID
	f.mustFanoutAll(t, products.next(t, f, 1))
	f.mustPump(t)
	<-arrived // it has a request, which does not end before the other endpoint has got all
	r.set(loseResponses())
	back := time.Now()
	simulated := time.Duration(0)
	for ; simulated <= 10*time.Minute; simulated += time.Minute {
		f.mustTick(t, time.Minute)
		if accepted, _ := r.all(); len(distinctIDs(accepted)) >= len(published)+1 {
			break
		}
	}
	accepted, requests := r.all()
	t.Logf("%d events, %d requests during the outage, all delivered %s of simulated and %s of real time after it, %d twice; the outage took %s",
		len(published), duringOutage, simulated, time.Since(back).Round(time.Millisecond), requests-duringOutage-len(distinctIDs(accepted)), back.Sub(begin).Round(time.Millisecond))
	if missing := len(published) + 1 - len(distinctIDs(accepted)); missing != 0 {
		t.Errorf("%d events are missing", missing)
	}
	requireOrder(t, accepted)
	unblock()
	f.runs.Wait()
}

// loseResponses returns how a receiver responds that accepts all events, and closes the connection of
// every hundredth before it responds, once.
func loseResponses() func(http.ResponseWriter, *http.Request) bool {
	var mu sync.Mutex
	seen := map[string]bool{}
	return func(w http.ResponseWriter, r *http.Request) bool {
		mu.Lock()
		id := r.Header.Get("Webhook-Id")
		again := seen[id]
		seen[id] = true
		lose := !again && len(seen)%100 == 50
		mu.Unlock()
		if lose {
			if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
				_ = conn.Close()
			}
		}
		return true
	}
}

// products are products with their versions.
type products struct {
	ids      []uuid.UUID
	versions map[uuid.UUID]int
	random   *rand.Rand
}

func newProducts(n int) *products {
	p := &products{versions: map[uuid.UUID]int{}, random: rand.New(rand.NewPCG(1, 2))}
	for range n {
		p.ids = append(p.ids, uuid.New())
	}
	return p
}

// next returns the next changes of random products, in random order.
func (p *products) next(t *testing.T, f *fixture, n int) []event.Event {
	t.Helper()
	events := make([]event.Event, n)
	for i := range events {
		id := p.ids[p.random.IntN(len(p.ids))]
		p.versions[id]++
		events[i] = f.newProductEvent(t, id, p.versions[id])
		events[i].Time = events[i].Time.Add(time.Duration(i) * time.Millisecond)
	}
	p.random.Shuffle(n, func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// mustFanoutAll delivers events to webhook-fanout, several at a time.
func (f *fixture) mustFanoutAll(t *testing.T, events []event.Event) {
	t.Helper()
	var senders sync.WaitGroup
	queue := make(chan event.Event)
	for range 16 {
		senders.Go(func() {
			for e := range queue {
				if response := f.Deliver(t, "webhook-fanout", e); response.Status != http.StatusNoContent {
					t.Errorf("event %s: %d %s", e.ID, response.Status, response.Body)
				}
			}
		})
	}
	for _, e := range events {
		queue <- e
	}
	close(queue)
	senders.Wait()
}

func distinctIDs(requests []received) map[uuid.UUID]bool {
	ids := map[uuid.UUID]bool{}
	for _, r := range requests {
		ids[r.ID] = true
	}
	return ids
}

// requireOrder requires that the events of each product were accepted first in the order of versions,
// without a gap, and that an event that came twice is the same.
func requireOrder(t *testing.T, requests []received) {
	t.Helper()
	last, seen := map[uuid.UUID]int64{}, map[uuid.UUID]string{}
	for _, r := range requests {
		what := fmt.Sprint(r.Data.ProductID, r.Data.Version)
		if before, again := seen[r.ID]; again {
			if before != what {
				t.Errorf("event %s was %s, and is %s", r.ID, before, what)
			}
			continue
		}
		seen[r.ID] = what
		if r.Data.Version != last[r.Data.ProductID]+1 {
			t.Errorf("version %d of product %s follows %d", r.Data.Version, r.Data.ProductID, last[r.Data.ProductID])
		}
		last[r.Data.ProductID] = r.Data.Version
	}
}

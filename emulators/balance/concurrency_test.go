package balance_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/emulators/balance"
	"souk/emulators/transport"
	"souk/functions"
	"souk/shared/manifest"
)

// busyService is a service with one replica, which holds requests until they are released.
type busyService struct {
	*fakeService
	inside  chan struct{}
	results chan error
	finish  func() // ends the requests that the replica holds
}

// newBusyService returns a service whose replica gets one request at a time, and one more
// waits.
func newBusyService(t *testing.T) *busyService {
	t.Helper()
	release := make(chan struct{})
	b := &busyService{
		inside: make(chan struct{}, 10), results: make(chan error, 10), finish: sync.OnceFunc(func() { close(release) }),
	}
	b.fakeService = newService(t, 1, func(w http.ResponseWriter, r *http.Request) {
		b.inside <- struct{}{}
		<-release
		echo(w, r)
	})
	b.Transport = balance.New(balance.Options{Lookup: b.lookup, Concurrency: map[string]int{"shop": 1}, Queue: 1})
	b.client.Transport = b.Transport
	t.Cleanup(b.CloseIdleConnections)
	t.Cleanup(b.finish)
	return b
}

// send sends a request in the background.
func (b *busyService) send(t *testing.T) {
	t.Helper()
	go func() {
		_, err := b.do(t, http.MethodPost, "order")
		b.results <- err
	}()
}

// mustFill sends requests until the replica has one and another one waits.
func (b *busyService) mustFill(t *testing.T) {
	t.Helper()
	b.send(t)
	<-b.inside
	b.send(t)
	b.send(t)
	select {
	case err := <-b.results:
		if !balance.IsBusy(err) || transport.IsDial(err) {
			t.Errorf("error = %v, want that all replicas are busy", err)
		}
	case <-b.inside:
		t.Fatal("the replica got a second request at the same time")
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	t.Run("a busy replica gets no request, one waits, and one more is refused at once", func(t *testing.T) {
		t.Parallel()
		b := newBusyService(t)
		b.mustFill(t)
		b.finish()
		for range 2 {
			if err := <-b.results; err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("a request that waits is sent to a new replica", func(t *testing.T) {
		t.Parallel()
		b := newBusyService(t)
		b.mustFill(t)
		b.mustOpen(t, "127.0.0.9", echo)
		for err := mustRequest(t, b); err != nil; err = mustRequest(t, b) { // until the addresses are read again
			if !balance.IsBusy(err) {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		if err := <-b.results; err != nil {
			t.Error(err)
		}
		b.finish()
		<-b.results
	})
	t.Run("requests that wait fail when the name has no replica any more", func(t *testing.T) {
		t.Parallel()
		b := newBusyService(t)
		b.mustFill(t)
		b.mu.Lock()
		b.known = nil
		b.mu.Unlock()
		for !transport.IsDial(mustRequest(t, b)) { // until the addresses are read again
			time.Sleep(time.Millisecond)
		}
		if err := <-b.results; !transport.IsDial(err) {
			t.Errorf("error = %v, want that there is no replica", err)
		}
		b.finish()
		<-b.results
	})
}

// mustRequest sends a request and returns its error.
func mustRequest(t *testing.T, b *busyService) error {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://shop:"+b.port+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := b.RoundTrip(r)
	if err == nil {
		err = response.Body.Close()
	}
	return err
}

// TestConcurrencyOfFunctions requires that every function has the limit of functions.yaml.
func TestConcurrencyOfFunctions(t *testing.T) {
	t.Parallel()
	list := functions.Manifest()
	got := balance.Concurrency(list, func(f manifest.Function) string { return "http://" + f.Name + ":8080/" })
	want := map[string]int{}
	for _, f := range list.Functions {
		if want[f.Name] = list.ScalingOf(f).Concurrency; want[f.Name] == 0 {
			t.Errorf("%s has no limit", f.Name)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("limits by host (-want +got):\n%s", diff)
	}
}

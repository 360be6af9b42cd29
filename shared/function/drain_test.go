package function

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// In a synctest bubble time passes only when nothing is left to do, so these
// tests see to the nanosecond how long a drain takes and wait for none of it.

func TestDrain(t *testing.T) {
	t.Parallel()
	t.Run("lets an idle process leave at once", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			if !newDrain().wait(t.Context()) || time.Since(begin) != 0 {
				t.Errorf("it took %s", time.Since(begin))
			}
		})
	})

	t.Run("lets a process leave at once whose last request is long over", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDrain()
			d.enter(httptest.NewRecorder())
			d.leave(httptest.NewRecorder())
			time.Sleep(time.Minute)
			begin := time.Now()
			if !d.wait(t.Context()) || time.Since(begin) != 0 {
				t.Errorf("it took %s", time.Since(begin))
			}
		})
	})

	t.Run("waits for the requests in flight, and for one that comes just after", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDrain()
			begin := time.Now()
			left := make(chan time.Time, 2)
			request := func(after, takes time.Duration) {
				time.Sleep(after)
				w := httptest.NewRecorder()
				d.enter(w)
				time.Sleep(takes)
				d.leave(w)
				left <- time.Now()
			}
			go request(0, 2*time.Second)
			go request(2*time.Second+drainQuiet/2, time.Second) // sent by a router that did not know yet
			synctest.Wait()
			if !d.wait(t.Context()) {
				t.Error("gave up")
			}
			<-left
			lastLeft := <-left
			if lastLeft.Sub(begin) != 3*time.Second+drainQuiet/2 {
				t.Errorf("the last request was answered %s after the begin", lastLeft.Sub(begin))
			}
			if quiet := time.Since(lastLeft); quiet < drainQuiet || quiet > drainQuiet+2*drainPoll {
				t.Errorf("left %s after the last request", quiet)
			}
		})
	})

	t.Run("gives up on a request that does not end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDrain()
			d.enter(httptest.NewRecorder())
			begin := time.Now()
			if d.wait(t.Context()) {
				t.Error("says that all requests have their answer")
			}
			if time.Since(begin) != drainTimeout {
				t.Errorf("gave up after %s, want %s", time.Since(begin), drainTimeout)
			}
		})
	})

	t.Run("leaves in time and at peace under requests that do not stop coming", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDrain()
			ctx, stop := context.WithCancel(t.Context())
			stopped := make(chan struct{})
			go func() {
				defer close(stopped)
				for ctx.Err() == nil {
					d.enter(httptest.NewRecorder())
					d.leave(httptest.NewRecorder())
					time.Sleep(drainQuiet / 2)
				}
			}()
			synctest.Wait()
			begin := time.Now()
			if !d.wait(t.Context()) || time.Since(begin) != drainTimeout {
				t.Errorf("left after %s", time.Since(begin))
			}
			stop()
			<-stopped
		})
	})
}

func TestServeWhileStopping(t *testing.T) {
	t.Parallel()
	t.Run("tells the operation, sends the answer before it counts as given, and closes the connection", func(t *testing.T) {
		t.Parallel()
		d := newDrain()
		inside := make(chan struct{})
		handler := d.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(inside)
			<-Stopping(r.Context())
			w.WriteHeader(http.StatusAccepted)
		}))
		recorder := httptest.NewRecorder()
		served := make(chan struct{})
		go func() {
			defer close(served)
			handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", nil))
		}()
		<-inside
		if !d.wait(t.Context()) {
			t.Error("gave up")
		}
		<-served
		if recorder.Code != http.StatusAccepted || !recorder.Flushed {
			t.Errorf("got %d, flushed: %t", recorder.Code, recorder.Flushed)
		}
		late := httptest.NewRecorder()
		d.serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).
			ServeHTTP(late, httptest.NewRequest(http.MethodGet, "/", nil))
		if late.Header().Get("Connection") != "close" {
			t.Errorf("a late request's answer keeps the connection: %v", late.Header())
		}
	})

	t.Run("never stops outside of a request", func(t *testing.T) {
		t.Parallel()
		if Stopping(t.Context()) != nil {
			t.Error("there is a channel")
		}
	})
}

func TestPanicLeaves(t *testing.T) {
	t.Parallel()
	d := newDrain()
	handler := d.serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("boom") }))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	if n := d.inFlight.Load(); n != 0 {
		t.Errorf("%d requests are still in flight", n)
	}
}

package function

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"
)

// In a synctest bubble time advances only when all goroutines are blocked, so these tests
// measure the duration of a drain exactly and do not wait for it.

func TestDrain(t *testing.T) {
	t.Parallel()
	t.Run("ends at once without requests", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			begin := time.Now()
			if !newDrain().wait(t.Context()) || time.Since(begin) != 0 {
				t.Errorf("it took %s", time.Since(begin))
			}
		})
	})

	t.Run("ends at once after the last request ended long ago", func(t *testing.T) {
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

	t.Run("waits for requests in flight and for a late one", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDrain()
			begin := time.Now()
			ended := make(chan time.Time, 2)
			request := func(after, takes time.Duration) {
				time.Sleep(after)
				w := httptest.NewRecorder()
				d.enter(w)
				time.Sleep(takes)
				d.leave(w)
				ended <- time.Now()
			}
			go request(0, 2*time.Second)
			go request(2*time.Second+drainQuiet/2, time.Second) // sent by a front end that does not know of the shutdown yet
			synctest.Wait()
			if !d.wait(t.Context()) {
				t.Error("gave up")
			}
			<-ended
			last := <-ended
			if last.Sub(begin) != 3*time.Second+drainQuiet/2 {
				t.Errorf("the last request ended %s after the begin", last.Sub(begin))
			}
			if quiet := time.Since(last); quiet < drainQuiet || quiet > drainQuiet+2*drainPoll {
				t.Errorf("ended %s after the last request", quiet)
			}
		})
	})

	t.Run("times out with a request that does not end", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDrain()
			d.enter(httptest.NewRecorder())
			begin := time.Now()
			if d.wait(t.Context()) {
				t.Error("wait reports that all requests have ended")
			}
			if time.Since(begin) != drainTimeout {
				t.Errorf("gave up after %s, want %s", time.Since(begin), drainTimeout)
			}
		})
	})

	t.Run("ends in time and without error under continuous requests", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			d := newDrain()
			ctx, stop := context.WithCancel(t.Context())
			stopped := make(chan struct{})
			const interval = drainQuiet/2 + time.Millisecond // so that no request begins at drainTimeout
			go func() {
				defer close(stopped)
				for ctx.Err() == nil {
					d.enter(httptest.NewRecorder())
					d.leave(httptest.NewRecorder())
					time.Sleep(interval)
				}
			}()
			synctest.Wait()
			begin := time.Now()
			if !d.wait(t.Context()) || time.Since(begin) != drainTimeout {
				t.Errorf("ended after %s", time.Since(begin))
			}
			stop()
			<-stopped
		})
	})
}

func TestServeWhileStopping(t *testing.T) {
	t.Parallel()
	t.Run("notifies the operation, flushes the response before the request ends and closes the connection", func(t *testing.T) {
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
			t.Errorf("a late request's response does not close the connection: %v", late.Header())
		}
	})

	t.Run("never stops outside of a request", func(t *testing.T) {
		t.Parallel()
		if Stopping(t.Context()) != nil {
			t.Error("there is a channel")
		}
	})
}

func TestPanicEndsRequest(t *testing.T) {
	t.Parallel()
	d := newDrain()
	handler := d.serve(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer func() {
		if recover() == nil {
			t.Error("the panic does not reach the server")
		}
		if n := d.inFlight.Load(); n != 0 {
			t.Errorf("%d requests are still in flight", n)
		}
	}()
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
}

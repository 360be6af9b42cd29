package function

import (
	"context"
	"encoding/json"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/manifest"
)

func TestAdmissionLimit(t *testing.T) {
	t.Parallel()
	client := endpoint{entry: manifest.Function{HTTP: "GET /x"}}
	shares := endpoint{entry: manifest.Function{}, sharesConnections: true}
	reads := endpoint{entry: client.entry, operation: &huma.Operation{}}
	SharesConnections(reads.operation)
	none := endpoint{entry: manifest.Function{HTTP: "GET /x", Database: manifest.NoDatabase}}
	for name, test := range map[string]struct {
		endpoint                 endpoint
		concurrency, connections int
		want                     int
	}{
		"requests that need a connection each are some for each connection":             {client, 40, 2, 8 * 2},
		"no more than the concurrency, for which an instance has memory":                {client, 4, 2, 4},
		"requests that share connections are as many as an instance may get":            {shares, 20, 2, manifest.RequestsPerConnection * 2},
		"requests that share connections are not fewer than the concurrency":            {shares, 60, 2, 60},
		"requests that read by shared statements are as many as an instance may get":    {reads, 40, 2, 40},
		"requests without a database are as many as the concurrency":                    {none, 40, 2, 40},
		"requests to a database with any number of connections are the concurrency too": {client, 40, 0, 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := admissionLimit(test.endpoint, test.concurrency, test.connections); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

func TestMaxRequests(t *testing.T) {
	t.Parallel()
	list := &manifest.Manifest{Scaling: map[manifest.Granularity]map[manifest.Kind]manifest.Scaling{
		manifest.PerService: {manifest.KindHTTP: {Concurrency: 40}},
	}}
	login, read := manifest.Function{HTTP: "POST /login", LowPriority: true}, manifest.Function{HTTP: "GET /x"}
	for name, test := range map[string]struct {
		list   *manifest.Manifest
		target string
		entry  manifest.Function
		want   int
	}{
		"logins leave half of an instance that all functions of a service share": {list, "", login, 20},
		"logins may have all of an instance of their own":                        {list, "login", login, math.MaxInt},
		"reads may have all of an instance":                                      {list, "", read, math.MaxInt},
		"without scaling there is no maximum":                                    {&manifest.Manifest{}, "", login, math.MaxInt},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &server{Runtime: NewRuntime(Options{Manifest: test.list, Target: test.target})}
			if got := s.maxRequests(test.entry); got != test.want {
				t.Errorf("got %d, want %d", got, test.want)
			}
		})
	}
}

// newAdmissionServer returns a server whose functions work on one request at a time.
func newAdmissionServer() *server {
	one := 1
	runtime := NewRuntime(Options{
		Manifest: &manifest.Manifest{Delivery: manifest.Delivery{AckDeadline: 30 * time.Second}}, MaxWorking: &one,
	})
	return &server{Runtime: runtime, drain: newDrain()}
}

// serve sends a request in the background and returns a channel with the response.
func serve(ctx context.Context, handler http.Handler) <-chan *httptest.ResponseRecorder {
	responses := make(chan *httptest.ResponseRecorder, 1)
	go func() {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/x", http.NoBody))
		responses <- w
	}()
	synctest.Wait()
	return responses
}

func sleep(d time.Duration) http.Handler {
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { time.Sleep(d) })
}

func TestAdmission(t *testing.T) {
	t.Parallel()
	run := func(name string, test func(t *testing.T)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, test)
		})
	}

	run("a refusal is a problem with Retry-After, until a request may be served", func(t *testing.T) {
		s := newAdmissionServer()
		handler := withAdmission(s, endpoint{entry: manifest.Function{HTTP: "GET /x"}, handler: sleep(time.Minute)})
		serve(t.Context(), handler)
		time.Sleep(maxQueueWait + 2500*time.Millisecond)
		w := <-serve(t.Context(), handler)
		var problem api.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
			t.Fatal(err)
		}
		if problem.Code != api.CodeOverloaded || w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") != "3" {
			t.Errorf("got %d with Retry-After %s: %s", w.Code, w.Header().Get("Retry-After"), w.Body)
		}
		time.Sleep(time.Hour)
	})

	run("an overloaded function does not delay others of the process", func(t *testing.T) {
		s := newAdmissionServer()
		busy := withAdmission(s, endpoint{entry: manifest.Function{HTTP: "POST /busy"}, handler: sleep(time.Minute)})
		other := withAdmission(s, endpoint{entry: manifest.Function{HTTP: "GET /other"}, handler: sleep(time.Second)})
		for range 10 {
			serve(t.Context(), busy)
		}
		begin := time.Now()
		if w := <-serve(t.Context(), other); w.Code != http.StatusOK || time.Since(begin) != time.Second {
			t.Errorf("got %d after %s", w.Code, time.Since(begin))
		}
		time.Sleep(time.Hour)
	})

	run("an operation that only waits after its commit makes room for the next one", func(t *testing.T) {
		s := newAdmissionServer()
		waits := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			leaveAdmission(r.Context())
			time.Sleep(time.Hour)
		})
		handler := withAdmission(s, endpoint{
			entry: manifest.Function{HTTP: "POST /x"}, handler: waits,
			operation: &huma.Operation{Metadata: map[string]any{afterCommit: true}},
		})
		begin := time.Now()
		first, second := serve(t.Context(), handler), serve(t.Context(), handler)
		<-first
		<-second
		if took := time.Since(begin); took != time.Hour+2*time.Second {
			t.Errorf("two requests took %s", took)
		}
	})

	run("a delivery is held for half of its deadline, and its work ends with the deadline", func(t *testing.T) {
		s := newAdmissionServer()
		var remaining time.Duration
		first := true
		handler := withAdmission(s, endpoint{handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if first {
				first = false
				time.Sleep(14 * time.Second)
				return
			}
			deadline, _ := r.Context().Deadline()
			remaining = time.Until(deadline)
		})})
		working, held := serve(t.Context(), handler), serve(t.Context(), handler)
		<-working
		if w := <-held; w.Code != http.StatusOK || remaining != 30*time.Second-ackMargin-14*time.Second {
			t.Errorf("got %d with %s for the work", w.Code, remaining)
		}
	})

	run("a request that waited when SIGTERM came is served before the process ends", func(t *testing.T) {
		s := newAdmissionServer()
		handler := withDrain(s, endpoint{handler: withAdmission(s, endpoint{entry: manifest.Function{HTTP: "GET /x"}, handler: sleep(2 * time.Second)})})
		working, waiting := serve(t.Context(), handler), serve(t.Context(), handler)
		if !s.drain.wait(t.Context()) {
			t.Error("requests are still in flight")
		}
		for _, response := range []<-chan *httptest.ResponseRecorder{working, waiting} {
			if w := <-response; w.Code != http.StatusOK {
				t.Errorf("got %d", w.Code)
			}
		}
	})
}

func BenchmarkAdmission(b *testing.B) {
	s := &server{Runtime: NewRuntime(Options{}), drain: newDrain()}
	handler := withAdmission(s, endpoint{entry: manifest.Function{HTTP: "GET /x"}, handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})})
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/x", http.NoBody)
	b.ReportAllocs()
	for b.Loop() {
		handler.ServeHTTP(w, r)
	}
}

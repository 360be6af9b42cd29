package balance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souk/emulators/balance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeService is a name with replicas at loopback addresses, all on one port.
type fakeService struct {
	*balance.Transport
	port   string
	client *http.Client

	mu      sync.Mutex
	open    map[string]*httptest.Server
	known   []string
	lookups int
	err     error
}

func newService(t *testing.T, replicas int, handle http.HandlerFunc) *fakeService {
	t.Helper()
	s := &fakeService{open: map[string]*httptest.Server{}}
	s.Transport = balance.New(balance.Options{Lookup: s.lookup})
	s.client = &http.Client{Transport: s.Transport}
	t.Cleanup(s.CloseIdleConnections)
	for n := range replicas {
		s.mustOpen(t, fmt.Sprintf("127.0.0.%d", n+2), handle)
	}
	return s
}

// mustOpen starts a replica and adds its address to the name.
func (s *fakeService) mustOpen(t *testing.T, address string, handle http.HandlerFunc) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, s.port))
	if err != nil {
		t.Skipf("this machine has no loopback address %s: %v", address, err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Replica", address)
		handle(w, r)
	}))
	if err := server.Listener.Close(); err != nil {
		t.Fatal(err)
	}
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	if s.port == "" {
		if _, s.port, err = net.SplitHostPort(listener.Addr().String()); err != nil {
			t.Fatal(err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[address] = server
	s.known = append(s.known, address)
}

func (s *fakeService) lookup(context.Context, string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	return slices.Clone(s.known), s.err
}

func (s *fakeService) do(t *testing.T, method, body string) (replica string, err error) {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://shop:"+s.port+"/", content)
	if err != nil {
		t.Fatal(err)
	}
	response, err := s.client.Do(r)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if string(text) != body {
		t.Errorf("the replica received %q, want %q", text, body)
	}
	return response.Header.Get("X-Replica"), nil
}

func echo(w http.ResponseWriter, r *http.Request) {
	// The client compares the body.
	_, _ = io.Copy(w, r.Body)
}

func (s *fakeService) mustDo(t *testing.T, method, body string) (replica string) {
	t.Helper()
	replica, err := s.do(t, method, body)
	if err != nil {
		t.Fatal(err)
	}
	return replica
}

func TestTurns(t *testing.T) {
	t.Parallel()
	s := newService(t, 3, echo)
	counts := map[string]int{}
	for range 30 {
		counts[s.mustDo(t, http.MethodPost, "order")]++
	}
	want := map[string]int{"127.0.0.2": 10, "127.0.0.3": 10, "127.0.0.4": 10}
	if !maps.Equal(counts, want) {
		t.Errorf("got %v", counts)
	}
	if n := s.lookupCount(); n > 5 {
		t.Errorf("%d lookups in quick succession, want at most 5", n)
	}
}

// TestSlowReplica has one replica hold a request: the others get all that follow.
func TestSlowReplica(t *testing.T) {
	t.Parallel()
	inside, release := make(chan struct{}), make(chan struct{})
	s := newService(t, 3, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			close(inside)
			<-release
		}
		echo(w, r)
	})
	slow := make(chan string)
	go func() {
		replica, err := s.do(t, http.MethodPut, "order")
		if err != nil {
			t.Error(err)
		}
		slow <- replica
	}()
	<-inside
	counts := map[string]int{}
	for range 10 {
		counts[s.mustDo(t, http.MethodPost, "order")]++
	}
	close(release)
	if replica := <-slow; counts[replica] != 0 || len(counts) != 2 {
		t.Errorf("%v, want none for the slow replica %s and some for the two others", counts, replica)
	}
}

func TestNewReplicaIsFound(t *testing.T) {
	t.Parallel()
	s := newService(t, 1, echo)
	s.mustDo(t, http.MethodGet, "")
	s.mustOpen(t, "127.0.0.9", echo)
	deadline := time.Now().Add(30 * time.Second)
	for s.mustDo(t, http.MethodGet, "") != "127.0.0.9" {
		if time.Now().After(deadline) {
			t.Fatal("the new replica received no request")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestDeadReplica(t *testing.T) {
	t.Parallel()
	t.Run("a request that was not accepted is sent to another replica, whatever its method", func(t *testing.T) {
		t.Parallel()
		s := newService(t, 3, echo)
		s.open["127.0.0.3"].Close() // the name still has the address
		for range 12 {
			if replica := s.mustDo(t, http.MethodPost, "order"); replica == "127.0.0.3" {
				t.Error("a stopped replica responds")
			}
		}
	})
	t.Run("a request that may have been processed is repeated only if its method is safe", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		received := map[string]int{}
		s := newService(t, 2, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if received[r.Method]++; received[r.Method] == 1 {
				panic(http.ErrAbortHandler)
			}
			echo(w, r)
		})
		s.mustDo(t, http.MethodGet, "")
		if _, err := s.do(t, http.MethodPost, "order"); err == nil {
			t.Error("the POST was repeated")
		}
		mu.Lock()
		defer mu.Unlock()
		if received[http.MethodGet] != 2 || received[http.MethodPost] != 1 {
			t.Errorf("received %v, want 2 GET and 1 POST", received)
		}
	})
	t.Run("without a live replica, the error is a dial error", func(t *testing.T) {
		t.Parallel()
		s := newService(t, 2, echo)
		for _, server := range s.open {
			server.Close()
		}
		_, err := s.do(t, http.MethodPost, "order")
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			t.Errorf("got %v", err)
		}
	})
}

func TestWait(t *testing.T) {
	t.Parallel()
	s := newService(t, 1, echo)
	s.Transport = balance.New(balance.Options{Lookup: s.lookup, Wait: time.Minute})
	s.client.Transport = s.Transport
	t.Cleanup(s.CloseIdleConnections)
	s.open["127.0.0.2"].Close()
	responses := make(chan string)
	for range 20 {
		go func() {
			replica, err := s.do(t, http.MethodPost, "order")
			if err != nil {
				t.Error(err)
			}
			responses <- replica
		}()
	}
	for s.lookupCount() < 5 { // until the requests wait and repeat the lookup
		time.Sleep(time.Millisecond)
	}
	s.mustOpen(t, "127.0.0.7", echo)
	for range 20 {
		if replica := <-responses; replica != "127.0.0.7" {
			t.Errorf("%q responded", replica)
		}
	}
	if n := s.lookupCount(); n > 100 {
		t.Errorf("%d lookups for 20 waiting requests, want at most 100", n)
	}
}

func (s *fakeService) lookupCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookups
}

func TestNames(t *testing.T) {
	t.Parallel()
	t.Run("a name that does not exist has no replicas", func(t *testing.T) {
		t.Parallel()
		s := newService(t, 1, echo)
		s.err = &net.DNSError{IsNotFound: true}
		_, err := s.do(t, http.MethodGet, "")
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("while the lookup fails, the previous addresses are used", func(t *testing.T) {
		t.Parallel()
		s := newService(t, 2, echo)
		s.mustDo(t, http.MethodGet, "")
		s.mu.Lock()
		s.err = &net.DNSError{IsTimeout: true}
		s.mu.Unlock()
		s.open["127.0.0.2"].Close() // so that it looks up the name again at once
		for deadline := time.Now().Add(30 * time.Second); s.lookupCount() < 3; {
			if time.Now().After(deadline) {
				t.Fatal("the lookup was not repeated")
			}
			s.mustDo(t, http.MethodGet, "")
		}
	})
}

// TestSlowLookup sends requests while a lookup takes longer than an address is valid: they wait
// for it once, together.
func TestSlowLookup(t *testing.T) {
	t.Parallel()
	replica := httptest.NewServer(http.HandlerFunc(echo))
	t.Cleanup(replica.Close)
	host, port, err := net.SplitHostPort(replica.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	var lookups atomic.Int64
	transport := balance.New(balance.Options{Lookup: func(context.Context, string) ([]string, error) {
		lookups.Add(1)
		time.Sleep(1500 * time.Millisecond) // the slowness is what is tested
		return []string{host}, nil
	}})
	s := &fakeService{Transport: transport, port: port, client: &http.Client{Transport: transport}}
	t.Cleanup(s.CloseIdleConnections)
	var clients sync.WaitGroup
	for range 8 {
		clients.Go(func() {
			if _, err := s.do(t, http.MethodGet, ""); err != nil {
				t.Error(err)
			}
		})
	}
	clients.Wait()
	if n := lookups.Load(); n != 1 {
		t.Errorf("%d lookups, want 1", n)
	}
}

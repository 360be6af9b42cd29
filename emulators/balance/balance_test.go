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
	"testing"
	"time"

	"go.uber.org/goleak"

	"souk/emulators/balance"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// street is a name with replicas, each at an address of this machine's own, all on
// one port.
type street struct {
	*balance.Transport
	port   string
	client *http.Client

	mu      sync.Mutex
	open    map[string]*httptest.Server
	known   []string
	lookups int
	gone    error
}

func newStreet(t *testing.T, replicas int, handle http.HandlerFunc) *street {
	t.Helper()
	s := &street{open: map[string]*httptest.Server{}}
	s.Transport = balance.New(balance.Options{Lookup: s.lookup})
	s.client = &http.Client{Transport: s.Transport}
	t.Cleanup(s.CloseIdleConnections)
	for n := range replicas {
		s.mustOpen(t, fmt.Sprintf("127.0.0.%d", n+2), handle)
	}
	return s
}

// mustOpen starts a replica, and has its name known.
func (s *street) mustOpen(t *testing.T, address string, handle http.HandlerFunc) {
	t.Helper()
	listener, err := net.Listen("tcp", net.JoinHostPort(address, s.port))
	if err != nil {
		t.Skipf("this machine has no address %s of its own: %v", address, err)
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

func (s *street) lookup(context.Context, string) ([]string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lookups++
	return slices.Clone(s.known), s.gone
}

func (s *street) do(t *testing.T, method, body string) (replica string, err error) {
	t.Helper()
	var content io.Reader
	if body != "" {
		content = strings.NewReader(body)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://shop:"+s.port+"/", content)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if string(text) != body {
		t.Errorf("the replica got %q of %q", text, body)
	}
	return answer.Header.Get("X-Replica"), nil
}

func echo(w http.ResponseWriter, r *http.Request) {
	// What does not arrive is seen by who asked.
	_, _ = io.Copy(w, r.Body)
}

func (s *street) mustDo(t *testing.T, method, body string) (replica string) {
	t.Helper()
	replica, err := s.do(t, method, body)
	if err != nil {
		t.Fatal(err)
	}
	return replica
}

func TestTurns(t *testing.T) {
	t.Parallel()
	s := newStreet(t, 3, echo)
	counts := map[string]int{}
	for range 30 {
		counts[s.mustDo(t, http.MethodPost, "order")]++
	}
	want := map[string]int{"127.0.0.2": 10, "127.0.0.3": 10, "127.0.0.4": 10}
	if !maps.Equal(counts, want) {
		t.Errorf("got %v", counts)
	}
	if n := s.looked(); n > 5 {
		t.Errorf("asked for the addresses %d times within a moment", n)
	}
}

func TestNewReplicaIsFound(t *testing.T) {
	t.Parallel()
	s := newStreet(t, 1, echo)
	s.mustDo(t, http.MethodGet, "")
	s.mustOpen(t, "127.0.0.9", echo)
	deadline := time.Now().Add(30 * time.Second)
	for s.mustDo(t, http.MethodGet, "") != "127.0.0.9" {
		if time.Now().After(deadline) {
			t.Fatal("it never got a request")
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func TestDeadReplica(t *testing.T) {
	t.Parallel()
	t.Run("what nobody took goes to another, whatever it is", func(t *testing.T) {
		t.Parallel()
		s := newStreet(t, 3, echo)
		s.open["127.0.0.3"].Close() // Its name still has the address.
		for range 12 {
			if replica := s.mustDo(t, http.MethodPost, "order"); replica == "127.0.0.3" {
				t.Error("a dead replica answers")
			}
		}
	})
	t.Run("what may have been done is repeated only if it just reads", func(t *testing.T) {
		t.Parallel()
		var mu sync.Mutex
		taken := map[string]int{}
		s := newStreet(t, 2, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			if taken[r.Method]++; taken[r.Method] == 1 {
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
		if taken[http.MethodGet] != 2 || taken[http.MethodPost] != 1 {
			t.Errorf("taken were %v", taken)
		}
	})
	t.Run("with nobody left, the error says that nothing was sent", func(t *testing.T) {
		t.Parallel()
		s := newStreet(t, 2, echo)
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
	s := newStreet(t, 1, echo)
	s.Transport = balance.New(balance.Options{Lookup: s.lookup, Wait: time.Minute})
	s.client.Transport = s.Transport
	t.Cleanup(s.CloseIdleConnections)
	s.open["127.0.0.2"].Close()
	answered := make(chan string)
	for range 20 {
		go func() {
			replica, err := s.do(t, http.MethodPost, "order")
			if err != nil {
				t.Error(err)
			}
			answered <- replica
		}()
	}
	for s.looked() < 5 { // They wait, and ask again and again.
		time.Sleep(time.Millisecond)
	}
	s.mustOpen(t, "127.0.0.7", echo)
	for range 20 {
		if replica := <-answered; replica != "127.0.0.7" {
			t.Errorf("%q answered", replica)
		}
	}
	if n := s.looked(); n > 100 {
		t.Errorf("20 that waited asked for the addresses %d times", n)
	}
}

func (s *street) looked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lookups
}

func TestNames(t *testing.T) {
	t.Parallel()
	t.Run("a name that is gone has no replicas", func(t *testing.T) {
		t.Parallel()
		s := newStreet(t, 1, echo)
		s.gone = &net.DNSError{IsNotFound: true}
		_, err := s.do(t, http.MethodGet, "")
		if op, ok := errors.AsType[*net.OpError](err); !ok || op.Op != "dial" {
			t.Errorf("got %v", err)
		}
	})
	t.Run("while nobody can tell, the addresses that were known are used", func(t *testing.T) {
		t.Parallel()
		s := newStreet(t, 2, echo)
		s.mustDo(t, http.MethodGet, "")
		s.mu.Lock()
		s.gone = &net.DNSError{IsTimeout: true}
		s.mu.Unlock()
		s.open["127.0.0.2"].Close() // So that it asks again at once.
		for deadline := time.Now().Add(30 * time.Second); s.looked() < 3; {
			if time.Now().After(deadline) {
				t.Fatal("it never asked again")
			}
			s.mustDo(t, http.MethodGet, "")
		}
	})
}

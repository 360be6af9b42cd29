package console

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/emulators/load"
	"souk/emulators/load/loadtest"
)

// pipeListener accepts connections without buffers: a write waits for its reader.
type pipeListener struct {
	connections chan net.Conn
	closed      chan struct{}
	once        sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{connections: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case connection := <-l.connections:
		return connection, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error { l.once.Do(func() { close(l.closed) }); return nil }

func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// dial returns the client's end of a connection.
func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.connections <- server
	return client
}

// await waits until a condition holds.
func await(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(maxWait); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it is still not true that %s", what)
		}
	}
}

// TestSlowReader requires that a client that does not read its events is disconnected: the
// system records traces while a page is open.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	change, _ := fakeSystem(t)
	c, _ := newConsole(t, func(o *Options) { change(o); o.sendTimeout = 50 * time.Millisecond })
	listener := newPipeListener()
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, listener, c) }()
	client := listener.dial()
	if _, err := client.Write([]byte("GET /system/events HTTP/1.1\r\nHost: localhost\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	await(t, "the page is open", c.Watching)
	await(t, "the page is closed", func() bool { return !c.Watching() })
	stop()
	if err := <-served; err != nil {
		t.Errorf("stop the server: %v", err)
	}
}

// blockedWriter is a response whose client does not read.
type blockedWriter struct {
	http.ResponseWriter

	writing, release chan struct{}
}

func (w *blockedWriter) Write(body []byte) (int, error) {
	close(w.writing)
	<-w.release
	return len(body), nil
}

// TestSlowReaderOfChart requires that a client that does not read a chart blocks no page.
func TestSlowReaderOfChart(t *testing.T) {
	t.Parallel()
	c, base := newConsole(t, func(o *Options) {
		o.Lab = &Lab{Experiments: []Experiment{{Name: "one"}}, Run: func(context.Context, string, bool, func(string)) (LabReport, error) {
			return LabReport{Charts: []LabChart{{Name: "lag", SVG: []byte("<svg/>")}}}, nil
		}}
	})
	start := call{method: http.MethodPost, path: "/actions/lab/start", trusted: true, form: url.Values{"name": {"one"}}}
	if got := start.send(t, base); got != http.StatusOK {
		t.Fatalf("start: status %d", got)
	}
	awaitIdle(t, c)
	w := &blockedWriter{ResponseWriter: httptest.NewRecorder(), writing: make(chan struct{}), release: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/lab/chart/one/lag", http.NoBody))
	}()
	<-w.writing
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/lab", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Errorf("the page of the lab: %v", err)
	} else {
		err = response.Body.Close()
	}
	close(w.release)
	<-done
	if err != nil {
		t.Error(err)
	}
}

// TestManyStreams requires that the streams of events are bounded, and that a closed one makes
// room.
func TestManyStreams(t *testing.T) {
	t.Parallel()
	c, base := newConsole(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	open := func() int {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/logs/events", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request) // the context closes it
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode
	}
	for range maxStreams {
		if got := open(); got != http.StatusOK {
			t.Fatalf("status %d", got)
		}
	}
	if got := open(); got != http.StatusServiceUnavailable {
		t.Errorf("one stream more than %d: status %d, want 503", maxStreams, got)
	}
	cancel()
	await(t, "all streams are closed", func() bool { return !c.Watching() })
	ctx = t.Context()
	if got := open(); got != http.StatusOK {
		t.Errorf("after all are closed: status %d", got)
	}
}

// TestCloseDuringLoad requires that a console closes while orders of a load are not decided, as
// when the system stops during a flash sale.
func TestCloseDuringLoad(t *testing.T) {
	t.Parallel()
	shop := loadtest.New()
	shop.Undecided = 5
	c, base := newConsole(t, func(o *Options) { target := shop.Target(); o.Load = &target })
	start := call{method: http.MethodPost, path: "/actions/load/start", trusted: true, form: url.Values{"scenario": {"flash-sale"}, "users": {"20"}}}
	if got := start.send(t, base); got != http.StatusOK {
		t.Fatalf("start: status %d", got)
	}
	await(t, "orders wait", func() bool { return shop.Placed() > 10 })
	closed := make(chan struct{})
	go func() { defer close(closed); c.Close() }()
	select {
	case <-closed:
	case <-time.After(maxWait): // less than load.Options.Settle
		t.Fatal("the console is still open")
	}
}

// TestTwoBrowsersStart requires that one of two loads that start at once runs.
func TestTwoBrowsersStart(t *testing.T) {
	t.Parallel()
	shop := loadtest.New()
	c, base := newConsole(t, func(o *Options) { target := shop.Target(); o.Load = &target })
	var started, refused atomic.Int64
	var starting sync.WaitGroup
	for range 8 {
		starting.Go(func() {
			form := url.Values{"scenario": {"browse"}, "users": {"2"}, "seconds": {"60"}}
			switch got := (call{method: http.MethodPost, path: "/actions/load/start", trusted: true, form: form}).send(t, base); got {
			case http.StatusOK:
				started.Add(1)
			case http.StatusBadRequest:
				refused.Add(1)
			default:
				t.Errorf("status %d", got)
			}
		})
	}
	starting.Wait()
	if started.Load() != 1 || refused.Load() != 7 {
		t.Errorf("%d loads started and %d were refused, want 1 and 7", started.Load(), refused.Load())
	}
	stop := func(name string) int {
		return call{method: http.MethodPost, path: "/actions/" + name + "/stop", trusted: true}.send(t, base)
	}
	if got := stop("lab"); got != http.StatusBadRequest {
		t.Errorf("the page of the lab stopped a load: status %d", got)
	}
	for range 2 {
		if got := stop("load"); got != http.StatusOK && c.running() != "" {
			t.Errorf("stop: status %d", got)
		}
	}
	awaitIdle(t, c)
	if got := stop("load"); got != http.StatusBadRequest {
		t.Errorf("stop of nothing: status %d, want 400", got)
	}
}

// TestOddNumbers requires that a load with odd numbers is refused.
func TestOddNumbers(t *testing.T) {
	t.Parallel()
	_, base := newConsole(t, func(o *Options) { target := loadtest.New().Target(); o.Load = &target })
	for _, field := range []string{"users", "seconds", "rate"} {
		for _, value := range []string{"-1", "NaN", "Inf", "-Inf", "1e-300", "1e300", "0x", "1;2", "９"} {
			form := url.Values{"scenario": {"browse"}, field: {value}}
			if got := (call{method: http.MethodPost, path: "/actions/load/start", trusted: true, form: form}).send(t, base); got != http.StatusBadRequest {
				t.Errorf("%s=%s: status %d, want 400", field, value, got)
			}
		}
	}
	for _, field := range []string{"users", "seconds"} {
		form := url.Values{"scenario": {"browse"}, field: {"0"}}
		if got := (call{method: http.MethodPost, path: "/actions/load/start", trusted: true, form: form}).send(t, base); got != http.StatusBadRequest {
			t.Errorf("%s=0: status %d, want 400", field, got)
		}
	}
	if err := (load.Options{Scenario: load.Browse, Rate: 1e-12}).Check(); err == nil {
		t.Error("a rate whose visits are due in 30,000 years is allowed")
	}
}

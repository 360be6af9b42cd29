package cloudrun

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"souk/emulators/cloudrun/autoscaler"
	"souk/emulators/pool"
	"souk/shared/manifest"
)

const (
	// keepAlive is longer than the idle timeout of any client here, so that the server never
	// closes a connection while a request is being sent. It is the value that Google's load
	// balancer requires of backends.
	keepAlive         = 620 * time.Second
	readHeaderTimeout = 10 * time.Second
)

// service is one function: a URL in front of its instances.
type service struct {
	platform *Platform
	function manifest.Function
	revision string
	url      string
	server   *http.Server
	listener net.Listener
	// served is closed when the server accepts no new connections.
	served chan struct{}
	log    *slog.Logger

	scaling  manifest.Scaling
	settings autoscaler.Settings
	pool     *pool.Pool[*instance] // the serving instances
	counters counters
	starts   startTimes

	mu        sync.Mutex
	instances []*instance // all that have not ended
	started   int         // number of instances started so far
	useless   int         // instances in a row that ended without a response
	notBefore time.Time   // earliest start of the next instance
	cause     error       // reason of notBefore
	closed    bool
	// autoscaler, and the time and the CPU seconds at its last tick.
	autoscaler *autoscaler.Autoscaler
	tickedAt   time.Time
	cpuSeconds map[*instance]float64
}

var errStopped = errors.New("the platform is stopping")

func (p *Platform) newService(ctx context.Context, function manifest.Function) (*service, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the URL of %s: %w", function.Name, err)
	}
	s := &service{
		platform: p,
		function: function,
		revision: fmt.Sprintf("%s-00001-%s", function.Name, randomLetters(3)),
		url:      "http://" + listener.Addr().String(),
		listener: listener,
		served:   make(chan struct{}),
		log:      p.log.With("function", function.Name),
		scaling:  scalingOf(p.options.Manifest, function),
	}
	s.scale()
	s.server = &http.Server{
		Handler:           p.options.Hosts.Handler(s.newProxy()),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       keepAlive,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	p.running.Go(func() {
		defer close(s.served)
		if err := s.server.Serve(listener); !errors.Is(err, net.ErrClosed) {
			s.log.Error("the URL of the function closed", "error", err)
		}
	})
	return s, nil
}

// close retires all instances and rejects new ones.
func (s *service) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.pool.Fail(&unavailable{cause: errStopped})
	for _, inst := range s.instances {
		inst.expected = true
		s.retireLocked(inst)
	}
}

func randomLetters(n int) string {
	letters := make([]byte, n)
	for i := range letters {
		letters[i] = byte('a' + rand.IntN(26))
	}
	return string(letters)
}

package cloudrun

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"souk/shared/manifest"
)

const (
	// firstBackoff is the pause after the second instance in a row that was of no
	// use. It doubles with every further one, up to maxBackoff.
	firstBackoff = 100 * time.Millisecond
	maxBackoff   = 10 * time.Second
	// keepAlive outlives the idle connections of any client here, so that it is
	// never us who close one just when a request comes: the value Google's load
	// balancer asks backends for.
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
	log      *slog.Logger

	mu        sync.Mutex
	instances []*instance // all whose process is not gone
	started   int         // instances ever started
	useless   int         // instances in a row that ended without one answer
	notBefore time.Time   // no new instance until then
	cause     error       // why
	closed    bool
}

// unavailable is why a request finds no instance. The client hears when to come
// again, and nothing of the cause.
type unavailable struct {
	retryAfter time.Duration
	cause      error
}

func (u *unavailable) Error() string { return "no instance: " + u.cause.Error() }
func (u *unavailable) Unwrap() error { return u.cause }

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
		log:      p.log.With("function", function.Name),
	}
	s.server = &http.Server{
		Handler:           s.newProxy(),
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       keepAlive,
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelWarn),
	}
	p.running.Go(func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			s.log.Error("the URL of the function closed", "error", err)
		}
	})
	return s, nil
}

// acquire returns an instance that serves, and counts the request to it until
// release. When there is none it starts one and waits until it listens.
func (s *service) acquire(ctx context.Context) (*instance, error) {
	for {
		inst, serving, err := s.route()
		if err != nil || serving {
			return inst, err
		}
		select {
		case <-inst.settled:
			if inst.startErr != nil {
				return nil, &unavailable{cause: inst.startErr}
			}
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// route decides where a request goes: to an instance that serves, or to wait for
// one that starts. How many instances there may be is decided here and nowhere
// else: one that can take requests, besides those on their way out.
func (s *service) route() (inst *instance, serving bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, false, &unavailable{cause: errStopped}
	}
	if inst = s.leastBusy(); inst != nil {
		inst.inFlight++
		return inst, true, nil
	}
	if i := slices.IndexFunc(s.instances, func(i *instance) bool { return i.state == starting }); i >= 0 {
		return s.instances[i], false, nil
	}
	if wait := time.Until(s.notBefore); wait > 0 {
		return nil, false, &unavailable{retryAfter: wait, cause: s.cause}
	}
	s.started++
	inst = newInstance(s, s.started)
	s.instances = append(s.instances, inst)
	s.platform.running.Go(inst.run)
	return inst, false, nil
}

func (s *service) leastBusy() *instance {
	var least *instance
	for _, i := range s.instances {
		if i.state == serving && (least == nil || i.inFlight < least.inFlight) {
			least = i
		}
	}
	return least
}

// release ends a request that acquire counted. answered says whether the instance
// had begun an answer.
func (s *service) release(inst *instance, answered bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	inst.inFlight--
	if answered {
		inst.answered = true
		s.useless = 0
	}
	if inst.inFlight > 0 {
		return
	}
	inst.idleSince = time.Now()
	if inst.state == leaving {
		close(inst.drained)
	}
}

// retire takes an instance out of routing. Its own goroutine does the rest.
func (s *service) retire(inst *instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retireLocked(inst)
}

func (s *service) retireLocked(inst *instance) {
	if inst.state == leaving {
		return
	}
	inst.state = leaving
	close(inst.retired)
	if inst.inFlight == 0 {
		close(inst.drained)
	}
}

// retireIdle retires an instance that had no request for the idle time, or
// returns how long it has left.
func (s *service) retireIdle(inst *instance) (left time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	idle := s.platform.options.IdleTimeout
	if inst.inFlight > 0 {
		return idle
	}
	if left = idle - time.Since(inst.idleSince); left > 0 {
		return left
	}
	inst.expected = true
	s.retireLocked(inst)
	return 0
}

// listens puts a started instance into routing, unless it was retired meanwhile.
func (s *service) listens(inst *instance) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if inst.state != starting {
		return false
	}
	inst.state = serving
	inst.idleSince = time.Now()
	return true
}

// gone forgets an instance whose process has ended, and tells whether it was
// meant to. One that ended of itself and was of no use to anybody holds up the
// next, so that a crash loop doesn't eat the machine.
func (s *service) gone(inst *instance, cause error) (backoff time.Duration, expected bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retireLocked(inst)
	s.instances = slices.DeleteFunc(s.instances, func(i *instance) bool { return i == inst })
	if inst.expected || inst.answered {
		return 0, inst.expected
	}
	s.useless++
	backoff = backoffAfter(s.useless)
	s.notBefore, s.cause = time.Now().Add(backoff), cause
	return backoff, false
}

// backoffAfter returns the pause after so many useless instances in a row. The
// first is free: it may have been killed before its first answer.
func backoffAfter(useless int) time.Duration {
	if useless < 2 {
		return 0
	}
	return min(firstBackoff<<min(useless-2, 10), maxBackoff)
}

// close retires all instances and refuses new ones.
func (s *service) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for _, inst := range s.instances {
		inst.expected = true
		s.retireLocked(inst)
	}
}

func (s *service) pids() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	pids := []int{}
	for _, inst := range s.instances {
		if pid := inst.pid.Load(); pid != 0 {
			pids = append(pids, int(pid))
		}
	}
	return pids
}

func randomLetters(n int) string {
	letters := make([]byte, n)
	for i := range letters {
		letters[i] = byte('a' + rand.IntN(26))
	}
	return string(letters)
}

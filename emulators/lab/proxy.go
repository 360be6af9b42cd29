package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"souk/emulators/local"
)

// proxy forwards TCP connections. What clients send arrives after a delay, so that a round
// trip takes that much longer.
type proxy struct {
	target   string
	ctx      context.Context //nolint:containedctx // bounds the connections of the proxy
	dialer   net.Dialer      // without a timeout: the target is on this machine
	listener net.Listener
	delay    atomic.Int64
	used     atomic.Bool // by a connection
	serving  sync.WaitGroup

	mu          sync.Mutex
	down        bool
	connections map[net.Conn]struct{}
}

// newProxy starts a proxy to an address.
func newProxy(ctx context.Context, target string) (*proxy, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a proxy: %w", err)
	}
	p := &proxy{ctx: ctx, target: target, listener: listener, connections: map[net.Conn]struct{}{}}
	p.serving.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			p.serving.Go(func() { p.serve(client) })
		}
	})
	return p, nil
}

func (p *proxy) address() string { return p.listener.Addr().String() }

// setDelay changes the delay of connections that exist, too.
func (p *proxy) setDelay(delay time.Duration) { p.delay.Store(int64(delay)) }

// setDown closes all connections and, while it is down, each new one.
func (p *proxy) setDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
	if down {
		p.closeConnections()
	}
}

func (p *proxy) closeConnections() {
	for connection := range p.connections {
		_ = connection.Close() // it is being cut
	}
}

// close ends the proxy and its connections.
func (p *proxy) close() {
	_ = p.listener.Close()
	p.setDown(true)
	p.serving.Wait()
}

// track registers a connection, or closes it while the proxy is down.
func (p *proxy) track(connection net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.down {
		_ = connection.Close()
		return false
	}
	p.connections[connection] = struct{}{}
	return true
}

func (p *proxy) untrack(connection net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = connection.Close()
	delete(p.connections, connection)
}

func (p *proxy) serve(client net.Conn) {
	if !p.track(client) {
		return
	}
	p.used.Store(true)
	defer p.untrack(client)
	server, err := p.dialer.DialContext(p.ctx, "tcp", p.target)
	if err != nil || !p.track(server) {
		return
	}
	defer p.untrack(server)
	var back sync.WaitGroup
	back.Go(func() {
		copyDelayed(client, server, new(atomic.Int64))
		_ = client.Close()
	})
	copyDelayed(server, client, &p.delay)
	_ = server.Close()
	back.Wait()
}

// chunk is data that is due at a time.
type chunk struct {
	data []byte
	due  time.Time
}

// copyDelayed copies data, each unit after the delay at its arrival, until either end closes.
func copyDelayed(to, from net.Conn, delay *atomic.Int64) {
	chunks := make(chan chunk, 64)
	var writing sync.WaitGroup
	writing.Go(func() {
		for c := range chunks {
			if wait := time.Until(c.due); wait > 0 {
				time.Sleep(wait)
			}
			if _, err := to.Write(c.data); err != nil {
				_ = from.Close() // so that the reader ends
			}
		}
	})
	for {
		data := make([]byte, 32<<10)
		n, err := from.Read(data)
		if n > 0 {
			chunks <- chunk{data[:n], time.Now().Add(time.Duration(delay.Load()))}
		}
		if err != nil {
			break
		}
	}
	close(chunks)
	writing.Wait()
}

// routes are proxies on the hops of a shop.
type routes struct {
	ctx context.Context //nolint:containedctx // of the experiment; hops are added by callbacks

	mu      sync.Mutex
	proxies map[string]*proxy
	hops    map[local.Hop][]*proxy
	pushes  map[string]*proxy // by function
	delay   time.Duration
	err     error
}

func newRoutes(ctx context.Context) *routes {
	return &routes{ctx: ctx, proxies: map[string]*proxy{}, hops: map[local.Hop][]*proxy{}, pushes: map[string]*proxy{}}
}

// route implements local.Options.Route. Its error is reported by close.
func (r *routes) route(hop local.Hop, function, address string) string {
	p := r.to(address)
	if p == nil {
		return address
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.hops[hop] = append(r.hops[hop], p)
	if hop == local.Push {
		r.pushes[function] = p
	}
	return p.address()
}

// address returns the address of a proxy to an address.
func (r *routes) address(target string) string {
	if p := r.to(target); p != nil {
		return p.address()
	}
	return target
}

// to returns the proxy to an address, nil after an error.
func (r *routes) to(address string) *proxy {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.proxies[address]; p != nil {
		return p
	}
	p, err := newProxy(r.ctx, address)
	if err != nil {
		r.err = errors.Join(r.err, err)
		return nil
	}
	p.setDelay(r.delay)
	r.proxies[address] = p
	return p
}

// setDelay sets the delay of all hops.
func (r *routes) setDelay(delay time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay = delay
	for _, p := range r.proxies {
		p.setDelay(delay)
	}
}

// unused describes the kinds of hops on which no connection passed a proxy.
func (r *routes) unused() (problems []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, hop := range local.Hops() {
		if !slices.ContainsFunc(r.hops[hop], func(p *proxy) bool { return p.used.Load() }) {
			problems = append(problems, string(hop)+" has no proxy")
		}
	}
	return problems
}

// joined returns the names of hops.
func joined(hops []local.Hop) string {
	names := make([]string, len(hops))
	for i, hop := range hops {
		names[i] = string(hop)
	}
	return strings.Join(names, ", ")
}

// push returns the proxy on the way from Pub/Sub to a function.
func (r *routes) push(function string) *proxy {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pushes[function]
}

func (r *routes) close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.proxies {
		p.close()
	}
	return r.err
}

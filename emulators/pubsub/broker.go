package pubsub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"

	"souk/shared/clock"
	"souk/shared/telemetry"
)

const (
	// maxRequestBytes is above Pub/Sub's limit of 10 MB per publish request.
	maxRequestBytes = 12 << 20
	// windowBytes is the window of flow control of a connection and of a call. Without it,
	// gRPC measures the delay of the network by a ping with every request.
	windowBytes = 1 << 20
)

// serverOptions save CPU: most calls publish one small message.
func serverOptions() []grpc.ServerOption {
	return []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxRequestBytes),
		grpc.StaticStreamWindowSize(windowBytes), grpc.StaticConnWindowSize(windowBytes),
		// Goroutines that serve many calls grow their stacks once. If all are busy, for
		// instance with streams, a call gets a new one.
		grpc.NumStreamWorkers(uint32(4 * runtime.GOMAXPROCS(0))),
	}
}

// TokenSource issues the tokens that authenticate pushes; identity.Issuer is one.
type TokenSource interface {
	// Token returns a token that identifies email to audience.
	Token(email, audience string) (string, error)
}

// Options configures a broker. The zero value is a memory-only broker on a free port.
type Options struct {
	// Addr is the host:port to listen on. Empty means "127.0.0.1:0", a free port.
	Addr string
	// Dir stores topics, subscriptions and undelivered messages across restarts.
	// Empty means that everything is in memory.
	Dir string
	// Tokens issues push tokens. If nil, subscriptions that require them are rejected.
	Tokens TokenSource
	// Transport sends the pushes. Nil is HTTP over TCP.
	Transport http.RoundTripper
	// Logger receives the broker's logs. Nil discards them.
	Logger *slog.Logger
	// Tracer records the pushes of sampled messages; nil records none.
	Tracer *telemetry.Tracer
	// Clock returns the current time. Nil is the system clock.
	Clock clock.Clock
	// StartPaused delivers nothing until Resume, so that push endpoints can be set
	// before messages of an earlier run are pushed to them.
	StartPaused bool

	// Duplicate pushes every message at least twice, sometimes both at once.
	Duplicate bool
	// Shuffle delivers in random order, after small random delays. Messages with an
	// ordering key stay in order if the subscription enables ordering.
	Shuffle bool
}

// Broker is a running Pub/Sub server. Clients reach it over gRPC at Addr, with
// PUBSUB_EMULATOR_HOST.
type Broker struct {
	options Options
	log     *slog.Logger
	now     clock.Clock
	server  *grpc.Server
	address string
	pusher  *pusher

	// work counts the broker's own goroutines: the server and the timekeeper.
	work sync.WaitGroup
	// pushing counts the pushes in flight.
	pushing sync.WaitGroup
	// stop ends the timekeeper and the calls that wait for messages.
	stop    chan struct{}
	stopped sync.Once
	// alarm wakes the timekeeper if a delivery is due before its timer.
	alarm chan struct{}

	mu            sync.Mutex
	topics        map[string]*topic
	subscriptions map[string]*subscription
	snapshots     map[string]*snapshot
	journal       *journal // nil without a directory
	lastID        int64
	// handOvers numbers the deliveries to subscribers, and run identifies this run
	// of the broker. Ack ids are built from both.
	handOvers int64
	run       string
	// wakeAt is when the timekeeper checks the queues next; checking is set during a
	// check, and wakeUps counts the checks.
	wakeAt   time.Time
	checking bool
	wakeUps  int
	stopping bool
	// paused is set until Resume, with Options.StartPaused.
	paused bool
	cut    int // pushes that Close cut off
	// quiet is closed and replaced whenever a push subscription may have become empty.
	quiet chan struct{}
}

// subscription is a queue and its consumers. Its config is replaced, never changed,
// so that it can be read and sent without the lock.
type subscription struct {
	config *pb.Subscription
	filter filter
	queue  *queue
	// inFlight is the number of pushes in flight, window its upper bound.
	inFlight, window int
	counters         subscriptionCounters
	// streams are the open StreamingPulls; more is closed and replaced when a waiting
	// Pull may find messages.
	streams []*consumer
	more    chan struct{}
	// acked are the retained acknowledged messages, by id; trimAt is their number at
	// which the expired ones are removed.
	acked  map[string]*pb.PubsubMessage
	trimAt int
	// closed is set when the subscription is deleted or detached, or its topic deleted.
	closed bool
}

func (s *subscription) endpoint() string { return s.config.GetPushConfig().GetPushEndpoint() }

func (s *subscription) pushes() bool { return s.endpoint() != "" }

// Start opens the journal, delivers its undelivered messages, and serves.
func Start(ctx context.Context, options Options) (*Broker, error) {
	b := newBroker(options)
	if options.Dir != "" {
		if err := b.open(); err != nil {
			return nil, fmt.Errorf("start the Pub/Sub broker: %w", err)
		}
	}
	addr := options.Addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start the Pub/Sub broker: %w", err), b.closeJournal())
	}
	b.address = listener.Addr().String()
	b.server = grpc.NewServer(serverOptions()...)
	pb.RegisterPublisherServer(b.server, publisher{Broker: b})
	pb.RegisterSubscriberServer(b.server, subscriber{Broker: b})
	pb.RegisterSchemaServiceServer(b.server, schemaService{})
	b.work.Go(func() {
		if err := b.server.Serve(listener); err != nil {
			b.log.Error("the Pub/Sub broker stopped serving", "error", err)
		}
	})
	b.work.Go(b.runTimekeeper)
	return b, nil
}

func newBroker(options Options) *Broker {
	b := &Broker{
		options:       options,
		log:           options.Logger,
		now:           options.Clock,
		stop:          make(chan struct{}),
		alarm:         make(chan struct{}, 1),
		quiet:         make(chan struct{}),
		topics:        map[string]*topic{},
		subscriptions: map[string]*subscription{},
		snapshots:     map[string]*snapshot{},
		paused:        options.StartPaused,
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if b.now == nil {
		b.now = clock.System
	}
	b.pusher = newPusher(options)
	b.run = strconv.FormatInt(b.now().UnixMicro(), 36)
	return b
}

// Addr is the address clients connect to, host:port.
func (b *Broker) Addr() string { return b.address }

// Resume begins the deliveries of a broker with Options.StartPaused.
func (b *Broker) Resume() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.paused = false
	for _, s := range b.subscriptions {
		b.dispatch(s)
	}
}

// Idle waits until every push subscription has delivered or dead-lettered all of its
// messages and no push is in flight. It does not wait for pull subscriptions.
func (b *Broker) Idle(ctx context.Context) error {
	for {
		b.mu.Lock()
		undelivered, quiet := b.undelivered(), b.quiet
		b.mu.Unlock()
		if undelivered == 0 {
			return nil
		}
		select {
		case <-quiet:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d undelivered messages: %w", undelivered, ctx.Err())
		}
	}
}

func (b *Broker) undelivered() int {
	n := 0
	for _, s := range b.subscriptions {
		if s.pushes() {
			n += s.queue.size()
		}
		n += s.inFlight
	}
	return n
}

// Close starts no more pushes, waits for those in flight until ctx is done, and
// stops serving. Publishing works until the last push has ended, because a function
// that handles a push may publish. Undelivered messages are delivered after the next
// start with the same directory. Close may be called more than once.
func (b *Broker) Close(ctx context.Context) error {
	b.mu.Lock()
	b.stopping = true
	b.mu.Unlock()

	finished := make(chan struct{})
	go func() { defer close(finished); b.pushing.Wait() }()
	var err error
	select {
	case <-finished:
	case <-ctx.Done():
		b.pusher.cutOff()
		<-finished
		b.mu.Lock()
		if b.cut > 0 {
			err = fmt.Errorf("close the Pub/Sub broker: %d pushes in flight were cut off: %w", b.cut, ctx.Err())
		}
		b.mu.Unlock()
	}
	b.pusher.cutOff()

	b.stopServing(ctx)
	b.work.Wait()
	b.pusher.closeIdle()
	return errors.Join(err, b.closeJournal())
}

// stopServing ends open pulls and waits for short calls until ctx is done.
func (b *Broker) stopServing(ctx context.Context) {
	b.stopped.Do(func() { close(b.stop) })
	release := context.AfterFunc(ctx, b.server.Stop)
	defer release()
	b.server.GracefulStop()
}

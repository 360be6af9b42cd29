package pubsub

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync/atomic"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"souk/emulators/transport"
	"souk/shared/telemetry"
)

const (
	// Pushes in flight per subscription: the window grows by one with each
	// acknowledgement, so it doubles each round trip, and halves on a failure. It is a
	// simple form of https://cloud.google.com/pubsub/docs/push#delivery_rate
	minWindow = 10
	maxWindow = 1000

	// dialTimeout bounds the connection to an endpoint.
	dialTimeout = 5 * time.Second

	// userAgent is the User-Agent that Pub/Sub sends.
	userAgent = "CloudPubSub-Google"

	// maxDrain is how many bytes of a response are read so that its connection can be
	// used again. The content has no meaning.
	maxDrain = 64 << 10

	// bodyOverhead is the usual size in bytes of a push body without its data.
	bodyOverhead = 1 << 10
)

// outcome is the result of a push: acknowledged, or the reason of the failure.
type outcome struct {
	acknowledged bool
	reason       string
}

// pusher sends push requests.
type pusher struct {
	// transport does not follow redirects: they are no acknowledgement, and the token must
	// not be sent to another host.
	transport http.RoundTripper
	tokens    TokenSource
	tracer    *telemetry.Tracer
	// ctx ends when pushes in flight are aborted.
	ctx    context.Context
	cutOff context.CancelFunc
}

func newPusher(options Options) *pusher {
	ctx, cancel := context.WithCancel(context.Background())
	if options.Transport == nil {
		options.Transport = transport.New(dialTimeout)
	}
	return &pusher{
		tokens:    options.Tokens,
		tracer:    options.Tracer,
		ctx:       ctx,
		cutOff:    cancel,
		transport: options.Transport,
	}
}

// push sends a delivery to the endpoint in its own goroutine, then settles or retries
// it.
func (b *Broker) push(s *subscription, d *delivery) {
	s.inFlight++
	b.handOvers++
	d.handOver = b.handOvers
	config, attempt, handOver := s.config, d.attempt(), d.handOver
	b.pushing.Go(func() {
		begin := time.Now()
		send := func() outcome { return b.pusher.tracedPost(config, d.message, attempt) }
		var o outcome
		if b.options.Duplicate {
			o = sendTwice(b.pusher.ctx, send)
		} else {
			o = send()
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		s.counters.pushTime += time.Since(begin)
		b.pushed(s, d, handOver, o)
	})
}

func (b *Broker) pushed(s *subscription, d *delivery, handOver int64, o outcome) {
	s.inFlight--
	switch {
	case s.closed || d.state != out || d.handOver != handOver:
		// It was deleted, detached, purged or recalled by a seek in the meantime.
	case o.acknowledged:
		s.window = min(s.window+1, maxWindow)
		s.counters.acknowledged++
		b.settle(s, d)
	case b.pusher.ctx.Err() != nil:
		// Aborted by Close, which is not the endpoint's failure.
		b.cut++
		b.putBack(s, d, b.now())
	default:
		s.window = max(s.window/2, minWindow)
		b.fail(s, d, o.reason)
	}
	b.maybeQuiet(s)
	b.dispatch(s)
}

// post sends one push request and waits for its response, at most for the
// acknowledgement deadline.
func (p *pusher) post(ctx context.Context, config *pb.Subscription, m *pb.PubsubMessage, attempt int) outcome {
	deadline := time.Duration(config.GetAckDeadlineSeconds()) * time.Second
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	// 102 acknowledges, although it is not a final status of HTTP.
	var processing atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			processing.CompareAndSwap(false, code == http.StatusProcessing)
			return nil
		},
	})
	request, err := p.request(ctx, config, m, attempt)
	if err != nil {
		return outcome{reason: err.Error()}
	}
	response, err := p.transport.RoundTrip(request)
	if processing.Load() {
		err = nil
	}
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return outcome{reason: fmt.Sprintf("the push endpoint did not respond within %v", deadline)}
		}
		return outcome{reason: fmt.Sprintf("push: %v", err)}
	}
	if response != nil {
		// The content has no meaning; failing to read it only costs a connection.
		_, _ = io.CopyN(io.Discard, response.Body, maxDrain)
		_ = response.Body.Close()
	}
	if processing.Load() || acknowledges(response.StatusCode) {
		return outcome{acknowledged: true}
	}
	return outcome{reason: "the push endpoint responded with " + response.Status}
}

// acknowledges reports whether a status code is an acknowledgement:
// https://cloud.google.com/pubsub/docs/push#receive_push
func acknowledges(code int) bool {
	switch code {
	case http.StatusProcessing, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent:
		return true
	}
	return false
}

func (p *pusher) request(ctx context.Context, config *pb.Subscription, m *pb.PubsubMessage, attempt int) (*http.Request, error) {
	body := appendPushBody(make([]byte, 0, bodyOverhead+2*len(m.GetData())), config, m, attempt)
	endpoint := config.GetPushConfig().GetPushEndpoint()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("push to %s: %w", endpoint, err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", userAgent)
	request.Header.Set("From", "noreply@google.com")
	if telemetry.Recording(ctx) {
		telemetry.ToHeader(ctx, request.Header)
	}
	if oidc := config.GetPushConfig().GetOidcToken(); oidc != nil {
		audience := oidc.GetAudience()
		if audience == "" {
			audience = endpoint
		}
		if p.tokens == nil {
			// This happens only after a restart with other options: creation requires an issuer.
			return nil, errors.New("push token: this broker was started without a token issuer")
		}
		token, err := p.tokens.Token(oidc.GetServiceAccountEmail(), audience)
		if err != nil {
			return nil, fmt.Errorf("push token: %w", err)
		}
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return request, nil
}

// closeIdle closes idle connections to endpoints.
func (p *pusher) closeIdle() {
	if t, ok := p.transport.(interface{ CloseIdleConnections() }); ok {
		t.CloseIdleConnections()
	}
}

package event

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// PubSub publishes to Google Cloud Pub/Sub, or to the emulator at
// PUBSUB_EMULATOR_HOST. It connects when it first publishes, so that functions that
// never publish need no connection.
type PubSub struct {
	project string

	mu         sync.Mutex
	client     *pubsub.Client
	publishers map[string]*pubsub.Publisher
}

// NewPubSub returns a new publisher to the topics of a Google Cloud project.
func NewPubSub(project string) *PubSub {
	return &PubSub{project: project, publishers: map[string]*pubsub.Publisher{}}
}

// Publish publishes each event to the topic of its type, and waits until Pub/Sub has
// responded for all of them or ctx ends.
//
// Pub/Sub rejects all messages of a request if one is invalid. So the rejected ones are
// published again, one by one.
func (p *PubSub) Publish(ctx context.Context, events []Event) []error {
	errs := p.publish(ctx, events)
	for i, err := range errs {
		if err != nil && status.Code(err) == codes.InvalidArgument {
			errs[i] = p.publish(ctx, events[i:i+1])[0]
		}
	}
	return errs
}

func (p *PubSub) publish(ctx context.Context, events []Event) []error {
	errs := make([]error, len(events))
	results := make([]*pubsub.PublishResult, len(events))
	for i, e := range events {
		publisher, err := p.publisher(ctx, e.Type)
		if err != nil {
			errs[i] = err
			continue
		}
		results[i] = publisher.Publish(ctx, &pubsub.Message{Data: e.Payload, Attributes: e.Attributes()})
	}
	for i, result := range results {
		if result != nil {
			_, errs[i] = result.Get(ctx)
		}
	}
	return errs
}

// windowBytes is the window of flow control for responses, which are lists of message ids.
const windowBytes = 64 << 10

// fixedWindows returns options by which gRPC does not measure the delay of the network by a
// ping with every response. The measurement enlarges windows, for large responses.
func fixedWindows() []option.ClientOption {
	return []option.ClientOption{
		option.WithGRPCDialOption(grpc.WithStaticStreamWindowSize(windowBytes)),
		option.WithGRPCDialOption(grpc.WithStaticConnWindowSize(windowBytes)),
	}
}

func (p *PubSub) publisher(ctx context.Context, topic string) (*pubsub.Publisher, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.client == nil {
		if p.project == "" {
			return nil, errors.New("no project to publish to: set GOOGLE_CLOUD_PROJECT")
		}
		// The connection outlives the request that happens to be the first.
		client, err := pubsub.NewClient(context.WithoutCancel(ctx), p.project, fixedWindows()...)
		if err != nil {
			return nil, fmt.Errorf("connect to Pub/Sub: %w", err)
		}
		p.client = client
	}
	publisher, ok := p.publishers[topic]
	if !ok {
		publisher = p.client.Publisher(topic)
		// A request waits for its event: batch only what arrives at the same time.
		publisher.PublishSettings.DelayThreshold = time.Millisecond
		// No attempt may outlive the request: the CPU is throttled after it.
		publisher.PublishSettings.Timeout = publishTimeout
		p.publishers[topic] = publisher
	}
	return publisher, nil
}

// Close flushes pending messages and disconnects.
func (p *PubSub) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, publisher := range p.publishers {
		publisher.Stop()
	}
	if p.client == nil {
		return nil
	}
	if err := p.client.Close(); err != nil {
		return fmt.Errorf("disconnect from Pub/Sub: %w", err)
	}
	return nil
}

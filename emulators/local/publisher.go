package local

import (
	"context"
	"fmt"
	"sync"

	"cloud.google.com/go/pubsub/v2"
)

// publisher publishes the scheduler's ticks.
type publisher struct {
	client *pubsub.Client

	mu     sync.Mutex
	topics map[string]*pubsub.Publisher
}

// Publish publishes a message and waits until the broker has stored it.
func (p *publisher) Publish(ctx context.Context, topic string, data []byte, attributes map[string]string) error {
	_, err := p.topic(topic).Publish(ctx, &pubsub.Message{Data: data, Attributes: attributes}).Get(ctx)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", topic, err)
	}
	return nil
}

func (p *publisher) topic(id string) *pubsub.Publisher {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.topics == nil {
		p.topics = map[string]*pubsub.Publisher{}
	}
	if p.topics[id] == nil {
		p.topics[id] = p.client.Publisher(id)
	}
	return p.topics[id]
}

func (p *publisher) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, topic := range p.topics {
		topic.Stop()
	}
	if err := p.client.Close(); err != nil {
		return fmt.Errorf("disconnect from Pub/Sub: %w", err)
	}
	return nil
}

package messages

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"souk/emulators/pubsub/deadletters"
)

// actTimeout bounds replaying and discarding many messages.
const actTimeout = time.Minute

// Draft is a message to publish.
type Draft struct {
	Topic       string
	Data        string
	Attributes  map[string]string
	OrderingKey string
	// Envelope adds the attributes of an event that are missing: id, type and time.
	Envelope bool
}

// Publish publishes a message and returns its id.
func (s *Source) Publish(ctx context.Context, d Draft) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := s.connect(ctx)
	if err != nil {
		return "", err
	}
	attributes := d.Attributes
	if d.Envelope {
		id, err := uuid.NewV7()
		if err != nil {
			return "", fmt.Errorf("generate the id of an event: %w", err)
		}
		attributes = map[string]string{"id": id.String(), "type": d.Topic, "time": time.Now().UTC().Format(time.RFC3339Nano)}
		maps.Copy(attributes, d.Attributes)
	}
	response, err := c.TopicAdminClient.Publish(ctx, &pb.PublishRequest{
		Topic:    "projects/" + s.options.Project + "/topics/" + d.Topic,
		Messages: []*pb.PubsubMessage{{Data: []byte(d.Data), Attributes: attributes, OrderingKey: d.OrderingKey}},
	})
	if err != nil {
		return "", fmt.Errorf("publish to %s: %w", d.Topic, translate(err))
	}
	return response.GetMessageIds()[0], nil
}

// Replay publishes dead letters again to the topic that they came from, and removes them.
// No ids means all. It returns how many were replayed, also with an error.
func (s *Source) Replay(ctx context.Context, subscription string, ids []string, reason string) (int, error) {
	return s.act(ctx, (*deadletters.Box).Replay, deadletters.Which{Subscription: subscription, IDs: ids}, reason)
}

// Discard deletes dead letters for good. No ids means all. It returns how many were
// deleted, also with an error.
func (s *Source) Discard(ctx context.Context, subscription string, ids []string, reason string) (int, error) {
	return s.act(ctx, (*deadletters.Box).Discard, deadletters.Which{Subscription: subscription, IDs: ids}, reason)
}

type action func(*deadletters.Box, context.Context, deadletters.Which, deadletters.Act) (int, error)

func (s *Source) act(ctx context.Context, do action, which deadletters.Which, reason string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, actTimeout)
	defer cancel()
	box, err := s.box(ctx)
	if err != nil {
		return 0, err
	}
	n, err := do(box, ctx, which, deadletters.Act{Who: "console", Why: reason, Log: s.options.Record})
	return n, translate(err)
}

func (s *Source) box(ctx context.Context) (*deadletters.Box, error) {
	c, err := s.connect(ctx)
	if err != nil {
		return nil, err
	}
	return &deadletters.Box{Client: c}, nil
}

// translate makes errors of the API and of the dead letters wrap ErrNotFound.
func translate(err error) error {
	if errors.Is(err, deadletters.ErrNotFound) || status.Code(err) == codes.NotFound {
		return fmt.Errorf("%w: %w", ErrNotFound, err)
	}
	return err
}

package pubsub

import (
	"context"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

const (
	// maxPull is the most messages in one Pull response.
	maxPull = 1000
	// pullWait is how long a Pull waits for a first message before it returns none,
	// which the API allows at any time.
	pullWait = 5 * time.Second
)

// Pull returns ready messages, or waits up to pullWait for the first.
func (b subscriber) Pull(ctx context.Context, request *pb.PullRequest) (*pb.PullResponse, error) {
	if request.GetMaxMessages() <= 0 {
		return nil, status.Error(codes.InvalidArgument, "max_messages must be positive")
	}
	timeout := time.NewTimer(pullWait)
	defer timeout.Stop()
	for {
		received, more, err := b.pullOnce(request)
		//nolint:staticcheck // Deprecated by the API, but the only way to pull without waiting.
		if err != nil || len(received) > 0 || request.GetReturnImmediately() {
			return &pb.PullResponse{ReceivedMessages: received}, err
		}
		select {
		case <-more:
		case <-timeout.C:
			return &pb.PullResponse{}, nil
		case <-b.stop:
			return nil, errStopping
		case <-ctx.Done():
			return nil, status.FromContextError(ctx.Err()).Err()
		}
	}
}

// pullOnce returns the ready messages, or a channel that is closed when there may be
// more.
func (b subscriber) pullOnce(request *pb.PullRequest) ([]*pb.ReceivedMessage, <-chan struct{}, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.pullable(request.GetSubscription())
	if err != nil {
		return nil, nil, err
	}
	b.dispatch(s)
	// The messages of an ordering key that this request returns have to be settled before
	// another request receives more of that key.
	h := &holder{}
	var received []*pb.ReceivedMessage
	for len(received) < min(int(request.GetMaxMessages()), maxPull) {
		d := s.queue.take(h)
		if d == nil {
			break
		}
		received = append(received, b.handOver(s, d, s.ackDeadline()))
	}
	b.wake(s.queue.next())
	return received, s.more, nil
}

// Acknowledge settles messages.
func (b subscriber) Acknowledge(_ context.Context, request *pb.AcknowledgeRequest) (*emptypb.Empty, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.find(request.GetSubscription())
	if err != nil {
		return nil, err
	}
	outcome := b.acknowledge(s, request.GetAckIds())
	b.dispatch(s)
	return &emptypb.Empty{}, outcome.err()
}

// ModifyAckDeadline extends leases, or returns messages to the queue.
func (b subscriber) ModifyAckDeadline(_ context.Context, request *pb.ModifyAckDeadlineRequest) (*emptypb.Empty, error) {
	seconds := request.GetAckDeadlineSeconds()
	if seconds < 0 || seconds > maxAckDeadline {
		return nil, status.Errorf(codes.InvalidArgument, "ack_deadline_seconds must be from 0 to %d, got %d", maxAckDeadline, seconds)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.find(request.GetSubscription())
	if err != nil {
		return nil, err
	}
	outcome := b.modifyDeadline(s, request.GetAckIds(), time.Duration(seconds)*time.Second)
	b.dispatch(s)
	return &emptypb.Empty{}, outcome.err()
}

// pullable finds a subscription and checks that clients may pull from it.
func (b *Broker) pullable(name string) (*subscription, error) {
	s, err := b.find(name)
	if err != nil {
		return nil, err
	}
	if s.closed || s.pushes() {
		return nil, status.Error(codes.FailedPrecondition, "This method is not supported for this subscription type.")
	}
	return s, nil
}

var errStopping = status.Error(codes.Unavailable, "the broker is stopping")

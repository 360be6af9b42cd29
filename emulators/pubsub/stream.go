package pubsub

import (
	"errors"
	"io"
	"slices"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// StreamingPull sends messages as they become ready, until the client ends it.
func (b subscriber) StreamingPull(stream pb.Subscriber_StreamingPullServer) error {
	first, err := stream.Recv()
	if err != nil {
		return err
	}
	s, c, err := b.openStream(first)
	if err != nil {
		return err
	}
	defer b.closeStream(s, c)
	requests := make(chan *pb.StreamingPullRequest)
	failed := make(chan error, 1)
	// Ends with the stream's context at the latest, which ends when this returns.
	go func() {
		for {
			request, err := stream.Recv()
			if err != nil {
				failed <- err
				return
			}
			select {
			case requests <- request:
			case <-stream.Context().Done():
				return
			}
		}
	}()
	for {
		select {
		case <-c.filled:
			err = b.sendOutbox(stream, s, c)
		case request := <-requests:
			err = b.heed(stream, s, c, request)
		case err = <-failed:
			if errors.Is(err, io.EOF) {
				return nil
			}
		case <-b.stop:
			return errStopping
		}
		if err != nil {
			return err
		}
	}
}

func (b subscriber) openStream(first *pb.StreamingPullRequest) (*subscription, *consumer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.pullable(first.GetSubscription())
	if err != nil {
		return nil, nil, err
	}
	if err := checkAckDeadline(first.GetStreamAckDeadlineSeconds()); err != nil {
		return nil, nil, err
	}
	c := &consumer{
		lease:       time.Duration(first.GetStreamAckDeadlineSeconds()) * time.Second,
		maxMessages: first.GetMaxOutstandingMessages(),
		maxBytes:    first.GetMaxOutstandingBytes(),
		ordered:     s.queue.ordered,
		filled:      make(chan struct{}, 1),
	}
	s.streams = append(s.streams, c)
	b.acknowledge(s, first.GetAckIds())
	b.dispatch(s)
	return s, c, nil
}

// closeStream lets go of a stream. What it was sent stays leased; what it was
// not sent yet is free at once.
func (b subscriber) closeStream(s *subscription, c *consumer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.streams = slices.DeleteFunc(s.streams, func(other *consumer) bool { return other == c })
	for _, received := range c.outbox {
		if d := s.byAckID(received.GetAckId()); d != nil && d.state == out {
			b.putBack(s, d, b.now())
		}
	}
	b.dispatch(s)
}

func (b subscriber) sendOutbox(stream pb.Subscriber_StreamingPullServer, s *subscription, c *consumer) error {
	b.mu.Lock()
	if s.gone || s.pushes() {
		b.mu.Unlock()
		return status.Error(codes.FailedPrecondition, "the subscription can no longer be pulled from")
	}
	// What was taken back meanwhile is sent again with another ack id.
	batch := slices.DeleteFunc(c.outbox, func(m *pb.ReceivedMessage) bool { return s.byAckID(m.GetAckId()) == nil })
	c.outbox = nil
	b.mu.Unlock()
	if len(batch) == 0 {
		return nil
	}
	return stream.Send(&pb.StreamingPullResponse{
		ReceivedMessages:       batch,
		SubscriptionProperties: propertiesOf(c),
	})
}

// heed does what a client asks on an open stream; an empty request asks for a
// sign of life.
func (b subscriber) heed(stream pb.Subscriber_StreamingPullServer, s *subscription, c *consumer, request *pb.StreamingPullRequest) error {
	if len(request.GetAckIds()) == 0 && len(request.GetModifyDeadlineAckIds()) == 0 {
		b.setLease(c, request.GetStreamAckDeadlineSeconds())
		return stream.Send(&pb.StreamingPullResponse{SubscriptionProperties: propertiesOf(c)})
	}
	if len(request.GetModifyDeadlineAckIds()) != len(request.GetModifyDeadlineSeconds()) {
		return status.Error(codes.InvalidArgument, "modify_deadline_ack_ids and modify_deadline_seconds must be of one length")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.acknowledge(s, request.GetAckIds())
	for i, ackID := range request.GetModifyDeadlineAckIds() {
		b.modifyDeadline(s, []string{ackID}, time.Duration(request.GetModifyDeadlineSeconds()[i])*time.Second)
	}
	b.dispatch(s)
	return nil
}

func (b subscriber) setLease(c *consumer, seconds int32) {
	if seconds <= 0 {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	c.lease = time.Duration(seconds) * time.Second
}

func propertiesOf(c *consumer) *pb.StreamingPullResponse_SubscriptionProperties {
	return &pb.StreamingPullResponse_SubscriptionProperties{MessageOrderingEnabled: c.ordered}
}

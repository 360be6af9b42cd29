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

// streamDelay is how long messages wait in a stream's outbox, so that they are sent
// together, and that a publisher has the response to its request before it receives
// the message itself: tests of Google's clients rely on that order.
const streamDelay = 5 * time.Millisecond

// StreamingPull sends messages as they become ready, until the client closes the
// stream.
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
	requests, failed := receive(stream)
	send := time.NewTimer(0) // messages found when the stream was opened
	defer send.Stop()
	pending := true
	for {
		select {
		case <-c.filled:
			if !pending {
				send.Reset(streamDelay)
			}
			pending = true
			continue
		case <-send.C:
			pending = false
			err = b.sendOutbox(stream, s, c)
		case request := <-requests:
			err = b.handle(stream, s, c, request)
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

// receive returns channels with the client's requests and the final error. It ends
// with the stream's context at the latest, which ends when the handler returns.
func receive(stream pb.Subscriber_StreamingPullServer) (<-chan *pb.StreamingPullRequest, <-chan error) {
	requests, failed := make(chan *pb.StreamingPullRequest), make(chan error, 1)
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
	return requests, failed
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
		filled:      make(chan struct{}, 1),
	}
	s.streams = append(s.streams, c)
	b.acknowledge(s, first.GetAckIds())
	b.dispatch(s)
	return s, c, nil
}

// closeStream removes a stream. Messages that were sent stay leased; the others
// return to the queue at once.
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
	if s.closed || s.pushes() {
		b.mu.Unlock()
		return status.Error(codes.FailedPrecondition, "the subscription is no longer a pull subscription")
	}
	// Messages recalled in the meantime are sent again with another ack id.
	batch := slices.DeleteFunc(c.outbox, func(m *pb.ReceivedMessage) bool { return s.byAckID(m.GetAckId()) == nil })
	announce, properties := c.announce, s.properties()
	c.outbox, c.announce = nil, false
	b.mu.Unlock()
	if len(batch) == 0 && !announce {
		return nil
	}
	return stream.Send(&pb.StreamingPullResponse{ReceivedMessages: batch, SubscriptionProperties: properties})
}

// handle processes a request on an open stream. It responds to an empty request, which
// checks the connection, and with exactly-once delivery.
func (b subscriber) handle(stream pb.Subscriber_StreamingPullServer, s *subscription, c *consumer, request *pb.StreamingPullRequest) error {
	if len(request.GetModifyDeadlineAckIds()) != len(request.GetModifyDeadlineSeconds()) {
		return status.Error(codes.InvalidArgument, "modify_deadline_ack_ids and modify_deadline_seconds must have the same length")
	}
	response := b.handleAckIDs(s, c, request)
	if response == nil {
		return nil
	}
	return stream.Send(response)
}

func (b subscriber) handleAckIDs(s *subscription, c *consumer, request *pb.StreamingPullRequest) *pb.StreamingPullResponse {
	b.mu.Lock()
	defer b.mu.Unlock()
	response := &pb.StreamingPullResponse{SubscriptionProperties: s.properties()}
	if len(request.GetAckIds()) == 0 && len(request.GetModifyDeadlineAckIds()) == 0 {
		if seconds := request.GetStreamAckDeadlineSeconds(); seconds > 0 {
			c.lease = time.Duration(seconds) * time.Second
		}
		return response
	}
	acknowledged := b.acknowledge(s, request.GetAckIds())
	var modified ackOutcome
	for i, ackID := range request.GetModifyDeadlineAckIds() {
		o := b.modifyDeadline(s, []string{ackID}, time.Duration(request.GetModifyDeadlineSeconds()[i])*time.Second)
		modified.done, modified.invalid = append(modified.done, o.done...), append(modified.invalid, o.invalid...)
	}
	b.dispatch(s)
	if !s.config.GetEnableExactlyOnceDelivery() {
		return nil
	}
	if len(request.GetAckIds()) > 0 {
		response.AcknowledgeConfirmation = acknowledged.ackConfirmation()
	}
	if len(request.GetModifyDeadlineAckIds()) > 0 {
		response.ModifyAckDeadlineConfirmation = modified.deadlineConfirmation()
	}
	return response
}

// properties returns the subscription properties that are sent on a stream.
func (s *subscription) properties() *pb.StreamingPullResponse_SubscriptionProperties {
	return &pb.StreamingPullResponse_SubscriptionProperties{
		MessageOrderingEnabled:     s.queue.ordered,
		ExactlyOnceDeliveryEnabled: s.config.GetEnableExactlyOnceDelivery(),
	}
}

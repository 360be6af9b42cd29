package pubsub

import (
	"fmt"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// consumer is one open StreamingPull.
type consumer struct {
	holder
	lease   time.Duration
	ordered bool
	// What the client lets be outstanding; 0 is no limit.
	maxMessages, maxBytes int64
	messages, bytes       int64
	// outbox is what the stream has yet to send; filled says that there is some.
	outbox []*pb.ReceivedMessage
	filled chan struct{}
}

func (c *consumer) hasRoom() bool {
	return (c.maxMessages <= 0 || c.messages < c.maxMessages) && (c.maxBytes <= 0 || c.bytes < c.maxBytes)
}

// feedStreams hands ready deliveries to the open streams in turn, and lets
// waiting Pulls look when there is no stream to take them.
func (b *Broker) feedStreams(s *subscription) {
	for misses := 0; misses < len(s.streams); {
		c := s.streams[0]
		s.streams = append(s.streams[1:], c)
		if !c.hasRoom() {
			misses++
			continue
		}
		d := s.queue.take(&c.holder)
		if d == nil {
			misses++ // another stream may continue an ordering key
			continue
		}
		misses = 0
		d.consumer = c
		c.messages++
		c.bytes += int64(proto.Size(d.message))
		c.outbox = append(c.outbox, b.handOver(s, d, c.lease))
		select {
		case c.filled <- struct{}{}:
		default:
		}
	}
	if len(s.queue.ready) > 0 {
		close(s.more)
		s.more = make(chan struct{})
	}
}

// handOver leases a delivery that was taken to a pulling client.
func (b *Broker) handOver(s *subscription, d *delivery, lease time.Duration) *pb.ReceivedMessage {
	b.handOvers++
	d.handOver = b.handOvers
	d.ackID = fmt.Sprintf("%s:%d:%s", d.message.GetMessageId(), d.handOver, b.run)
	s.queue.lease(d, b.now().Add(lease))
	received := &pb.ReceivedMessage{AckId: d.ackID, Message: d.message}
	if s.config.GetDeadLetterPolicy() != nil {
		received.DeliveryAttempt = int32(min(d.attempt(), 1<<30))
	}
	return received
}

// release gives a stream the room back that a delivery took.
func (s *subscription) release(d *delivery) {
	if d.consumer == nil {
		return
	}
	d.consumer.messages--
	d.consumer.bytes -= int64(proto.Size(d.message))
	d.consumer = nil
}

// acknowledge settles what is still known by these ids. Late and unknown ones
// are no error: https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#subscriber
func (b *Broker) acknowledge(s *subscription, ackIDs []string) {
	var found []*delivery
	for _, ackID := range ackIDs {
		if d := s.byAckID(ackID); d != nil {
			d.ackID = ""
			found = append(found, d)
		}
	}
	if len(found) > 0 {
		b.settleBy(s, s.queue.acknowledge, found)
	}
}

// modifyDeadline prolongs leases that have not ended, or gives messages back at
// once with a deadline of zero.
func (b *Broker) modifyDeadline(s *subscription, ackIDs []string, deadline time.Duration) {
	for _, ackID := range ackIDs {
		d := s.byAckID(ackID)
		switch {
		case d == nil || d.state != out:
		case deadline == 0:
			d.ackID = ""
			b.fail(s, d, "the subscriber gave the message back")
		default:
			s.queue.lease(d, b.now().Add(deadline))
		}
	}
	b.wake(s.queue.next())
}

func (s *subscription) byAckID(ackID string) *delivery {
	id, _, _ := strings.Cut(ackID, ":")
	if d := s.queue.all[id]; d != nil && d.ackID == ackID && ackID != "" {
		return d
	}
	return nil
}

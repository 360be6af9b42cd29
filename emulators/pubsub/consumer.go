package pubsub

import (
	"fmt"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// consumer is one open StreamingPull.
type consumer struct {
	holder
	lease time.Duration
	// maxMessages and maxBytes are the client's flow control; 0 is no limit.
	maxMessages, maxBytes int64
	messages, bytes       int64
	// outbox holds messages that are not sent yet. filled wakes the stream, also to
	// check whether its subscription has changed.
	outbox []*pb.ReceivedMessage
	filled chan struct{}
	// announce is set when changed properties have to be sent to the client.
	announce bool
}

func (c *consumer) hasRoom() bool {
	return (c.maxMessages <= 0 || c.messages < c.maxMessages) && (c.maxBytes <= 0 || c.bytes < c.maxBytes)
}

// feedStreams hands ready deliveries to the open streams in turn. Without a free
// stream, it wakes waiting Pulls.
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

// handOver leases a delivery to a pulling client.
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

// release frees the flow control that a delivery used on its stream.
func (s *subscription) release(d *delivery) {
	if d.consumer == nil {
		return
	}
	d.consumer.messages--
	d.consumer.bytes -= int64(proto.Size(d.message))
	d.consumer = nil
}

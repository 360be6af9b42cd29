package pubsub

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	// Backoff of a retry policy that leaves its bounds open, and of push
	// subscriptions without one, which otherwise would hammer a broken endpoint.
	// https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff
	// https://cloud.google.com/pubsub/docs/push#push_backoff
	policyMinBackoff = 10 * time.Second
	policyMaxBackoff = 600 * time.Second
	pushMinBackoff   = 100 * time.Millisecond
	pushMaxBackoff   = 60 * time.Second

	// shuffleDelay bounds the random delay of Options.Shuffle.
	shuffleDelay = 20 * time.Millisecond
)

// publish keeps messages and queues them for the subscriptions of a topic, all
// or none, and returns their ids. What settles names is settled by the same stroke.
func (b *Broker) publish(topicName string, messages []*pb.PubsubMessage, settles *settledRecord) ([]string, error) {
	if _, err := b.findTopic(topicName); err != nil {
		return nil, err
	}
	now, retains := b.now(), b.retains(topicName)
	ids := make([]string, 0, len(messages))
	stamped := make([]*pb.PubsubMessage, 0, len(messages))
	targets := make([][]string, 0, len(messages))
	var records []record
	for _, m := range messages {
		m = b.stamp(m, now)
		names := b.subscribersOf(topicName, m)
		ids, stamped, targets = append(ids, m.GetMessageId()), append(stamped, m), append(targets, names)
		if len(names) > 0 || settles != nil || retains {
			r := recordOf(m, names)
			r.DeadLetterOf = settles
			if retains {
				r.Topic = topicName
			}
			records = append(records, record{Message: r})
		}
	}
	if err := b.keep(records...); err != nil {
		return nil, status.Errorf(codes.Unavailable, "publish to %s: %v", topicName, err)
	}
	if retains {
		t := b.topics[topicName]
		t.retained = append(t.retained, stamped...)
		b.trimTopic(t)
	}
	touched := map[string]bool{}
	for i, m := range stamped {
		for _, name := range targets[i] {
			b.subscriptions[name].queue.add(&delivery{message: m}, b.firstDue(now))
			touched[name] = true
		}
	}
	for name := range touched {
		b.dispatch(b.subscriptions[name])
	}
	return ids, nil
}

// stamp copies a message with an id and a publish time. Ids are numbers, as
// Pub/Sub's are, that start from the time, so that they differ between brokers.
// Publish times have Pub/Sub's precision, a millisecond.
func (b *Broker) stamp(m *pb.PubsubMessage, now time.Time) *pb.PubsubMessage {
	b.lastID = max(b.lastID+1, now.UnixMicro())
	return &pb.PubsubMessage{
		Data:        m.GetData(),
		Attributes:  m.GetAttributes(),
		OrderingKey: m.GetOrderingKey(),
		MessageId:   strconv.FormatInt(b.lastID, 10),
		PublishTime: timestamppb.New(now.Truncate(time.Millisecond)),
	}
}

func (b *Broker) subscribersOf(topicName string, m *pb.PubsubMessage) []string {
	var names []string
	for name, s := range b.subscriptions {
		if s.config.GetTopic() == topicName && !s.gone && s.filter(m.GetAttributes()) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func (b *Broker) firstDue(now time.Time) time.Time {
	if !b.options.Shuffle {
		return now
	}
	return now.Add(rand.N(shuffleDelay))
}

// dispatch sends what a subscription may send now.
func (b *Broker) dispatch(s *subscription) {
	if b.stopping || b.paused || s.gone {
		return
	}
	b.expire(s)
	if s.pushes() {
		for s.inFlight < s.window {
			d := s.queue.take(nil)
			if d == nil {
				break
			}
			b.push(s, d)
		}
	} else {
		b.feedStreams(s)
	}
	b.wake(s.queue.next())
}

// expire makes ready what is due, and fails the deliveries whose lease has ended.
func (b *Broker) expire(s *subscription) {
	for _, d := range s.queue.advance(b.now()) {
		// Failing an earlier message of its key may have taken it back already.
		if d.state == out {
			b.fail(s, d, "the acknowledgement deadline passed")
		}
	}
}

// settle ends deliveries for good.
func (b *Broker) settle(s *subscription, deliveries ...*delivery) {
	b.settleBy(s, s.queue.settle, deliveries)
}

// settleBy ends those deliveries for good that remove settles.
func (b *Broker) settleBy(s *subscription, remove func(*delivery) []*delivery, deliveries []*delivery) {
	var ids []string
	for _, d := range deliveries {
		if d.state == settled {
			continue // with an earlier one of its key
		}
		for _, removed := range s.settleBy(remove, d) {
			ids = append(ids, removed.message.GetMessageId())
		}
	}
	if len(ids) > 0 {
		b.note(record{Settled: &settledRecord{Subscription: s.config.GetName(), IDs: ids}})
	}
	s.trimAcked(b.now(), false)
	b.maybeQuiet(s)
}

// fail counts a negative acknowledgement or a missed deadline: the message is
// sent again after the backoff, or goes to the dead-letter topic after the last
// attempt.
func (b *Broker) fail(s *subscription, d *delivery, reason string) {
	s.release(d)
	d.failures++
	if s.config.GetEnableExactlyOnceDelivery() {
		d.ackID = "" // others accept a late acknowledgement until the next delivery
	}
	log := b.log.With("subscription", s.config.GetName(), "messageId", d.message.GetMessageId(),
		"attempt", d.failures, "reason", reason)
	if s.exhausted(d) {
		err := b.deadLetter(s, d, reason)
		if err == nil {
			log.Error("a message went to its dead-letter topic", "topic", s.config.GetDeadLetterPolicy().GetDeadLetterTopic())
			return
		}
		log.Error("a message could not be sent to its dead-letter topic and is tried again", "error", err)
	}
	backoff := s.backoff(d.failures)
	log.Warn("a delivery failed", "retryIn", backoff)
	b.putBack(s, d, b.now().Add(backoff))
}

// putBack returns a delivery that is out to the queue, not to be sent before due,
// and with it the outstanding ones after it in its lane. These have not failed.
func (b *Broker) putBack(s *subscription, d *delivery, due time.Time) {
	s.release(d)
	for _, recalled := range s.queue.retry(d, due) {
		s.release(recalled)
		recalled.ackID = ""
	}
}

// backoff before the next attempt after so many failures.
func (s *subscription) backoff(failures int) time.Duration {
	policy := s.config.GetRetryPolicy()
	minimum, maximum := policyMinBackoff, policyMaxBackoff
	switch {
	case policy != nil:
		if policy.GetMinimumBackoff() != nil {
			minimum = policy.GetMinimumBackoff().AsDuration()
		}
		if policy.GetMaximumBackoff() != nil {
			maximum = policy.GetMaximumBackoff().AsDuration()
		}
	case s.pushes():
		minimum, maximum = pushMinBackoff, pushMaxBackoff
	default:
		// A pulling client paces itself.
		return 0
	}
	backoff := minimum
	for range failures - 1 {
		if backoff >= maximum/2 {
			return maximum
		}
		backoff *= 2
	}
	return min(backoff, maximum)
}

// maybeQuiet tells who waits for the broker to be idle to look again.
func (b *Broker) maybeQuiet(s *subscription) {
	if s.queue.size() == 0 && s.inFlight == 0 {
		b.lookAgain()
	}
}

func (b *Broker) lookAgain() {
	close(b.quiet)
	b.quiet = make(chan struct{})
}

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
	// Backoff of a retry policy without bounds, and of push subscriptions without a
	// policy, so that a broken endpoint is not called continuously.
	// https://cloud.google.com/pubsub/docs/handling-failures#exponential_backoff
	// https://cloud.google.com/pubsub/docs/push#push_backoff
	policyMinBackoff = 10 * time.Second
	policyMaxBackoff = 600 * time.Second
	pushMinBackoff   = 100 * time.Millisecond
	pushMaxBackoff   = 60 * time.Second

	// shuffleDelay bounds the random delay of Options.Shuffle.
	shuffleDelay = 20 * time.Millisecond
)

// publish stores messages and queues them for the subscriptions of a topic, all or
// none, and returns their ids. The deliveries in settles are settled in the same
// journal write.
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
		names := b.subscriberNames(topicName, m)
		ids, stamped, targets = append(ids, m.GetMessageId()), append(stamped, m), append(targets, names)
		if len(names) > 0 || settles != nil || retains {
			r := newMessageRecord(m, names)
			r.DeadLetterOf = settles
			if retains {
				r.Topic = topicName
			}
			records = append(records, record{Message: r})
		}
	}
	if err := b.persist(records...); err != nil {
		return nil, status.Errorf(codes.Unavailable, "publish to %s: %v", topicName, err)
	}
	if retains {
		t := b.topics[topicName]
		t.retained = append(t.retained, stamped...)
		b.trimTopic(t)
	}
	b.topics[topicName].published += int64(len(stamped))
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

// stamp copies a message and sets its id and publish time. Ids are numbers, like
// Pub/Sub's, and start from the time, so that they differ between brokers. Publish
// times have Pub/Sub's precision of one millisecond.
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

func (b *Broker) subscriberNames(topicName string, m *pb.PubsubMessage) []string {
	var names []string
	for name, s := range b.subscriptions {
		if s.config.GetTopic() == topicName && !s.closed && s.filter(m.GetAttributes()) {
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

// dispatch sends all messages that a subscription may send now.
func (b *Broker) dispatch(s *subscription) {
	if b.stopping || b.paused || s.closed {
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

// expire makes due deliveries ready and fails those whose lease has ended.
func (b *Broker) expire(s *subscription) {
	for _, d := range s.queue.advance(b.now()) {
		// It is no longer out if an earlier message of its key has failed.
		if d.state == out {
			b.fail(s, d, "the acknowledgement deadline passed")
		}
	}
}

// settle ends deliveries for good.
func (b *Broker) settle(s *subscription, deliveries ...*delivery) {
	b.settleWith(s, s.queue.settle, deliveries)
}

// settleWith ends deliveries for good with the given function of the queue.
func (b *Broker) settleWith(s *subscription, remove func(*delivery) []*delivery, deliveries []*delivery) {
	var ids []string
	for _, d := range deliveries {
		if d.state == settled {
			continue // already settled with an earlier one of its key
		}
		for _, removed := range s.settleWith(remove, d) {
			ids = append(ids, removed.message.GetMessageId())
		}
	}
	if len(ids) > 0 {
		b.note(record{Settled: &settledRecord{Subscription: s.config.GetName(), IDs: ids}})
	}
	s.trimAcked(b.now(), false)
	b.maybeQuiet(s)
}

// fail handles a negative acknowledgement or a missed deadline: it queues the
// message again after the backoff or, after the last attempt, publishes it to the
// dead-letter topic.
func (b *Broker) fail(s *subscription, d *delivery, reason string) {
	s.release(d)
	d.failures++
	s.counters.failed++
	if s.config.GetEnableExactlyOnceDelivery() {
		d.ackID = "" // others accept a late acknowledgement until the next delivery
	}
	log := b.log.With("subscription", s.config.GetName(), "messageId", d.message.GetMessageId(),
		"attempt", d.failures, "reason", reason)
	if s.exhausted(d) {
		err := b.deadLetter(s, d, reason)
		if err == nil {
			log.Error("forward a message to its dead-letter topic", "topic", s.config.GetDeadLetterPolicy().GetDeadLetterTopic())
			return
		}
		log.Error("forward a message to its dead-letter topic: retrying", "error", err)
	}
	backoff := s.backoff(d.failures)
	log.Warn("a delivery failed", "retryIn", backoff)
	b.putBack(s, d, b.now().Add(backoff))
}

// putBack returns an outstanding delivery to the queue, to be sent not before due,
// together with the outstanding ones after it in its lane. The latter do not count
// as failures.
func (b *Broker) putBack(s *subscription, d *delivery, due time.Time) {
	s.release(d)
	for _, recalled := range s.queue.retry(d, due) {
		s.release(recalled)
		recalled.ackID = ""
	}
}

// backoff returns the wait before the next attempt, by the number of failures.
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
		// A pulling client sets its own pace.
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

// maybeQuiet wakes Idle if the subscription may have become empty.
func (b *Broker) maybeQuiet(s *subscription) {
	if s.queue.size() == 0 && s.inFlight == 0 {
		b.notifyIdle()
	}
}

func (b *Broker) notifyIdle() {
	close(b.quiet)
	b.quiet = make(chan struct{})
}

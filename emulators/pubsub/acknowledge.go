package pubsub

import (
	"maps"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Outcomes of ack ids, which the client libraries read from the metadata of an
// ErrorInfo: https://cloud.google.com/pubsub/docs/exactly-once-delivery
const (
	ackErrorReason = "EXACTLY_ONCE_ACKID_FAILURE"
	ackErrorDomain = "pubsub.googleapis.com"
	invalidAckID   = "PERMANENT_FAILURE_INVALID_ACK_ID"
	unorderedAckID = "TRANSIENT_FAILURE_UNORDERED_ACK_ID"
	failedAckID    = "TRANSIENT_FAILURE_SERVICE_UNAVAILABLE"
)

// ackOutcome groups the ack ids of a request by outcome. Only subscriptions with
// exactly-once delivery report it; for others, late and unknown ids are no error.
type ackOutcome struct {
	done, invalid, unordered, failed []string
}

// err returns the status of a unary request.
func (o ackOutcome) err() error {
	metadata := map[string]string{}
	for outcome, ids := range map[string][]string{invalidAckID: o.invalid, unorderedAckID: o.unordered, failedAckID: o.failed} {
		for _, id := range ids {
			metadata[id] = outcome
		}
	}
	if len(metadata) == 0 {
		return nil
	}
	s := status.New(codes.InvalidArgument, "Some acknowledgement ids in the request were invalid. This could be because the acknowledgement ids have expired or the acknowledgement ids were malformed.")
	if len(o.failed) > 0 {
		s = status.New(codes.Unavailable, "the acknowledgements could not be stored")
	}
	s, err := s.WithDetails(&errdetails.ErrorInfo{Reason: ackErrorReason, Domain: ackErrorDomain, Metadata: metadata})
	if err != nil {
		return status.Errorf(codes.Internal, "describe invalid ack ids: %v", err)
	}
	return s.Err()
}

func (o ackOutcome) ackConfirmation() *pb.StreamingPullResponse_AcknowledgeConfirmation {
	return &pb.StreamingPullResponse_AcknowledgeConfirmation{
		AckIds: o.done, InvalidAckIds: o.invalid, UnorderedAckIds: o.unordered, TemporaryFailedAckIds: o.failed}
}

func (o ackOutcome) deadlineConfirmation() *pb.StreamingPullResponse_ModifyAckDeadlineConfirmation {
	return &pb.StreamingPullResponse_ModifyAckDeadlineConfirmation{
		AckIds: o.done, InvalidAckIds: o.invalid, TemporaryFailedAckIds: o.failed}
}

// acknowledge settles the deliveries with these ack ids.
func (b *Broker) acknowledge(s *subscription, ackIDs []string) ackOutcome {
	if !b.stopping {
		b.expire(s)
	}
	if s.config.GetEnableExactlyOnceDelivery() {
		return b.acknowledgeOnce(s, ackIDs)
	}
	var found []*delivery
	for _, ackID := range ackIDs {
		if d := s.byAckID(ackID); d != nil {
			d.ackID = ""
			found = append(found, d)
		}
	}
	s.counters.acknowledged += int64(len(found))
	b.settleWith(s, s.queue.acknowledge, found)
	return ackOutcome{}
}

// acknowledgeOnce writes the acknowledgements to the journal before it reports them
// as done. A delivery with an ordering key is not settled before the older ones of
// its key; the order of the ids in the request has no meaning.
func (b *Broker) acknowledgeOnce(s *subscription, ackIDs []string) (o ackOutcome) {
	found := map[string]*delivery{}
	for _, ackID := range ackIDs {
		if d := s.byAckID(ackID); d != nil {
			found[ackID] = d
		} else {
			o.invalid = append(o.invalid, ackID)
		}
	}
	var messageIDs []string
	accepted := map[*lane]int{}
	oldestFirst := slices.SortedFunc(maps.Keys(found), func(a, c string) int {
		return compareIDs(found[a].message.GetMessageId(), found[c].message.GetMessageId())
	})
	for _, ackID := range oldestFirst {
		if l := s.queue.findLane(found[ackID]); l != nil {
			if l.deliveries[accepted[l]] != found[ackID] {
				o.unordered = append(o.unordered, ackID)
				continue
			}
			accepted[l]++
		}
		o.done = append(o.done, ackID)
		messageIDs = append(messageIDs, found[ackID].message.GetMessageId())
	}
	if len(o.done) == 0 {
		return o
	}
	if err := b.persist(record{Settled: &settledRecord{Subscription: s.config.GetName(), IDs: messageIDs}}); err != nil {
		b.log.Error("acknowledgements could not be stored", "subscription", s.config.GetName(), "error", err)
		o.done, o.failed = nil, o.done
		return o
	}
	s.counters.acknowledged += int64(len(o.done))
	for _, ackID := range o.done {
		found[ackID].ackID = ""
		s.settle(found[ackID])
	}
	s.trimAcked(b.now(), false)
	b.maybeQuiet(s)
	return o
}

// modifyDeadline extends leases that have not ended. A deadline of zero returns
// messages to the queue at once.
func (b *Broker) modifyDeadline(s *subscription, ackIDs []string, deadline time.Duration) (o ackOutcome) {
	if !b.stopping {
		b.expire(s)
	}
	for _, ackID := range ackIDs {
		d := s.byAckID(ackID)
		switch {
		case d == nil || d.state != out:
			o.invalid = append(o.invalid, ackID)
			continue
		case deadline == 0:
			d.ackID = ""
			b.fail(s, d, "the subscriber returned the message")
		default:
			s.queue.lease(d, b.now().Add(deadline))
		}
		o.done = append(o.done, ackID)
	}
	b.wake(s.queue.next())
	if !s.config.GetEnableExactlyOnceDelivery() {
		return ackOutcome{}
	}
	return o
}

// byAckID finds a delivery by its latest ack id. With exactly-once delivery, an id
// is invalid once its lease has ended.
func (s *subscription) byAckID(ackID string) *delivery {
	id, _, _ := strings.Cut(ackID, ":")
	d := s.queue.all[id]
	if d == nil || d.ackID != ackID || ackID == "" || s.config.GetEnableExactlyOnceDelivery() && d.state != out {
		return nil
	}
	return d
}

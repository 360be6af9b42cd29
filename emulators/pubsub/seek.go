package pubsub

import (
	"context"
	"slices"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Seek restores the messages that a time or a snapshot selects and acknowledges all
// others. Outstanding messages are delivered again, and their ack ids become invalid.
// https://cloud.google.com/pubsub/docs/replay-overview
func (b subscriber) Seek(_ context.Context, request *pb.SeekRequest) (*pb.SeekResponse, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, err := b.find(request.GetSubscription())
	if err != nil {
		return nil, err
	}
	b.trimAll()
	var wanted map[string]*pb.PubsubMessage
	switch target := request.GetTarget().(type) {
	case *pb.SeekRequest_Time:
		if !target.Time.IsValid() {
			return nil, status.Error(codes.InvalidArgument, "time is out of range")
		}
		wanted = b.wantedSince(s, target.Time.AsTime())
	case *pb.SeekRequest_Snapshot:
		if wanted, err = b.wantedBySnapshot(s, target.Snapshot); err != nil {
			return nil, err
		}
	default:
		return nil, status.Error(codes.InvalidArgument, "No target was specified in the SeekRequest. Must specify either a time or a snapshot")
	}
	if s.closed {
		return nil, status.Errorf(codes.FailedPrecondition, "subscription %s is detached", request.GetSubscription())
	}
	if err := b.seek(s, wanted); err != nil {
		return nil, status.Errorf(codes.Unavailable, "seek subscription %s: %v", request.GetSubscription(), err)
	}
	return &pb.SeekResponse{}, nil
}

// wantedSince returns the subscription's messages published since start: those not
// acknowledged, those that it retains itself, and those that its topic retains.
func (b *Broker) wantedSince(s *subscription, start time.Time) map[string]*pb.PubsubMessage {
	wanted := map[string]*pb.PubsubMessage{}
	add := func(m *pb.PubsubMessage, start time.Time) {
		if !m.GetPublishTime().AsTime().Before(start) {
			wanted[m.GetMessageId()] = m
		}
	}
	for _, d := range s.queue.all {
		add(d.message, start)
	}
	for _, m := range s.acked {
		add(m, start)
	}
	if t := b.topics[s.config.GetTopic()]; t != nil {
		retained := t.retentionStart(b.now())
		if retained.Before(start) {
			retained = start
		}
		for _, m := range t.retained {
			if s.filter(m.GetAttributes()) {
				add(m, retained)
			}
		}
	}
	return wanted
}

// wantedBySnapshot returns the backlog of a snapshot and all messages published since
// that match the subscription's filter.
func (b *Broker) wantedBySnapshot(s *subscription, name string) (map[string]*pb.PubsubMessage, error) {
	snap, err := b.findSnapshot(name)
	if err != nil {
		return nil, err
	}
	t := b.topics[s.config.GetTopic()]
	if t == nil || snap.config.GetTopic() != s.config.GetTopic() {
		return nil, status.Errorf(codes.FailedPrecondition, "subscription and snapshot must be of the same topic, got %s and %s",
			s.config.GetTopic(), snap.config.GetTopic())
	}
	wanted := map[string]*pb.PubsubMessage{}
	for id, m := range snap.backlog {
		if s.filter(m.GetAttributes()) {
			wanted[id] = m
		}
	}
	for _, m := range t.since(snap.lastID) {
		if s.filter(m.GetAttributes()) {
			wanted[m.GetMessageId()] = m
		}
	}
	return wanted, nil
}

// seek makes exactly the wanted messages unacknowledged, all or none.
func (b *Broker) seek(s *subscription, wanted map[string]*pb.PubsubMessage) error {
	var dropped, restored []string
	for id := range s.queue.all {
		if wanted[id] == nil {
			dropped = append(dropped, id)
		}
	}
	for id := range wanted {
		if s.queue.all[id] == nil {
			restored = append(restored, id)
		}
	}
	slices.SortFunc(dropped, compareIDs)
	slices.SortFunc(restored, compareIDs)
	name := s.config.GetName()
	var records []record
	if len(dropped) > 0 {
		records = append(records, record{Settled: &settledRecord{name, dropped}})
	}
	if len(restored) > 0 {
		records = append(records, record{Restored: &restoredRecord{name, restored}})
	}
	if err := b.persist(records...); err != nil {
		return err
	}
	for _, d := range s.queue.recall(b.now()) {
		s.release(d)
		d.ackID = ""
	}
	for _, id := range dropped {
		s.settle(s.queue.all[id])
	}
	for _, id := range restored {
		s.restore(wanted[id], b.now())
	}
	b.maybeQuiet(s)
	b.dispatch(s)
	return nil
}

// settle removes a delivery from the queue for good, with those that were
// acknowledged ahead of it.
func (s *subscription) settle(d *delivery) { s.settleWith(s.queue.settle, d) }

func (s *subscription) settleWith(remove func(*delivery) []*delivery, d *delivery) []*delivery {
	s.release(d)
	removed := remove(d)
	for _, d := range removed {
		s.retain(d.message)
	}
	return removed
}

// restore makes an acknowledged message unacknowledged.
func (s *subscription) restore(m *pb.PubsubMessage, now time.Time) {
	delete(s.acked, m.GetMessageId())
	s.queue.add(&delivery{message: m}, now)
}

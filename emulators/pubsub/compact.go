package pubsub

import (
	"maps"
	"slices"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// stateRecords returns the shortest list of records that restores the state.
func (b *Broker) stateRecords() ([]record, error) {
	b.trimAll()
	records := []record{{Header: &headerRecord{Version: journalVersion, LastID: b.lastID}}}
	add := func(config proto.Message, as func(*configRecord) record) error {
		text, err := newConfigRecord(config)
		if err != nil {
			return err
		}
		records = append(records, as(text))
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(b.topics)) {
		if err := add(b.topics[name].config, func(c *configRecord) record { return record{Topic: c} }); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.subscriptions)) {
		if err := add(b.subscriptions[name].config, func(c *configRecord) record { return record{Subscription: c} }); err != nil {
			return nil, err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.snapshots)) {
		snap := b.snapshots[name]
		err := add(snap.config, func(c *configRecord) record {
			return record{Snapshot: &snapshotRecord{Config: c.Config, LastID: snap.lastID}}
		})
		if err != nil {
			return nil, err
		}
	}
	return append(records, b.messageRecords()...), nil
}

// messageRecords returns all messages with their subscriptions, oldest first.
func (b *Broker) messageRecords() []record {
	messages := map[string]*messageRecord{}
	of := func(m *pb.PubsubMessage) *messageRecord {
		id := m.GetMessageId()
		if messages[id] == nil {
			messages[id] = newMessageRecord(m, nil)
		}
		return messages[id]
	}
	for _, name := range slices.Sorted(maps.Keys(b.topics)) {
		for _, m := range b.topics[name].retained {
			of(m).Topic = name
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.subscriptions)) {
		s := b.subscriptions[name]
		for _, d := range s.queue.all {
			r := of(d.message)
			r.Subscriptions = append(r.Subscriptions, name)
		}
		for _, m := range s.acked {
			r := of(m)
			r.Acked = append(r.Acked, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.snapshots)) {
		for _, m := range b.snapshots[name].backlog {
			r := of(m)
			r.Snapshots = append(r.Snapshots, name)
		}
	}
	records := make([]record, 0, len(messages))
	for _, id := range slices.SortedFunc(maps.Keys(messages), compareIDs) {
		records = append(records, record{Message: messages[id]})
	}
	return records
}

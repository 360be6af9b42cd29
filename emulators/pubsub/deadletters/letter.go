package deadletters

import (
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Letter is one dead letter.
type Letter struct {
	// ID is that of the message in the dead-letter topic.
	ID string `json:"id"`
	// Source is the subscription that it failed on, Deliveries how often; 0 when
	// the broker does not report it.
	Source     string `json:"source"`
	Deliveries int    `json:"deliveries"`
	// DeadSince is when it became a dead letter.
	DeadSince  time.Time         `json:"deadSince"`
	Attributes map[string]string `json:"attributes"`
	// Payload is the message's data: JSON where it is JSON, else Data is set.
	Payload json.RawMessage `json:"payload,omitempty"`
	Data    []byte          `json:"data,omitempty"`
}

func letterOf(subscription string, received *pb.ReceivedMessage) Letter {
	m := received.GetMessage()
	l := Letter{
		ID: m.GetMessageId(), Source: strings.TrimSuffix(subscription, suffix),
		DeadSince: m.GetPublishTime().AsTime(), Attributes: m.GetAttributes(),
	}
	if json.Valid(m.GetData()) {
		l.Payload = m.GetData()
	} else {
		l.Data = m.GetData()
	}
	if n, err := strconv.Atoi(m.GetAttributes()[deliveryCount]); err == nil {
		l.Deliveries = n
	}
	return l
}

// original is the message as it was before it became a dead letter.
func original(m *pb.PubsubMessage) *pb.PubsubMessage {
	attributes := maps.Clone(m.GetAttributes())
	maps.DeleteFunc(attributes, func(name, _ string) bool { return strings.HasPrefix(name, addedPrefix) })
	return &pb.PubsubMessage{Data: m.GetData(), Attributes: attributes, OrderingKey: m.GetOrderingKey()}
}

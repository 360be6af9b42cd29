package pubsub

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
)

// Every message is encoded for the journal and for each push, and every acknowledgement for
// the journal. These are written without reflection; the tests compare them with
// encoding/json.

// pushTime is the format of publish times in a push.
const pushTime = "2006-01-02T15:04:05.000Z07:00"

// appendPushBody appends the JSON body of a push, which has two names for id and time:
// https://cloud.google.com/pubsub/docs/push#receive_push
func appendPushBody(b []byte, config *pb.Subscription, m *pb.PubsubMessage, attempt int) []byte {
	b = append(b, '{')
	if config.GetDeadLetterPolicy() != nil {
		b = append(b, `"deliveryAttempt":`...)
		b = strconv.AppendInt(b, int64(attempt), 10)
		b = append(b, ',')
	}
	b = append(b, `"message":{`...)
	b = appendContent(b, m.GetAttributes(), m.GetData())
	b = appendMember(b, "messageId", m.GetMessageId())
	b = appendMember(b, "message_id", m.GetMessageId())
	if m.GetOrderingKey() != "" {
		b = appendMember(b, "orderingKey", m.GetOrderingKey())
	}
	published := m.GetPublishTime().AsTime()
	b = append(b, `"publishTime":"`...)
	b = published.AppendFormat(b, pushTime)
	b = append(b, `","publish_time":"`...)
	b = published.AppendFormat(b, pushTime)
	b = append(b, `"},"subscription":`...)
	return append(appendString(b, config.GetName()), '}')
}

// appendContent appends attributes and data as members, each with a comma.
func appendContent(b []byte, attributes map[string]string, data []byte) []byte {
	if len(attributes) > 0 {
		var space [16]string
		keys := space[:0]
		for key := range attributes {
			keys = append(keys, key)
		}
		slices.Sort(keys)
		b = append(b, `"attributes":{`...)
		for _, key := range keys {
			b = append(appendString(b, key), ':')
			b = append(appendString(b, attributes[key]), ',')
		}
		b[len(b)-1] = '}'
		b = append(b, ',')
	}
	if len(data) > 0 {
		b = append(b, `"data":"`...)
		b = append(base64.StdEncoding.AppendEncode(b, data), '"', ',')
	}
	return b
}

// appendMember appends a member of an object and a comma. The name needs no escapes.
func appendMember(b []byte, name, value string) []byte {
	b = append(append(b, '"'), name...)
	b = append(b, '"', ':')
	return append(appendString(b, value), ',')
}

// appendString appends a JSON string.
func appendString(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			escaped, _ := json.Marshal(text) // encoding a string cannot fail
			return append(b, escaped...)
		}
	}
	b = append(append(b, '"'), text...)
	return append(b, '"')
}

func appendStrings(b []byte, texts []string) []byte {
	b = append(b, '[')
	for i, text := range texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, text)
	}
	return append(b, ']')
}

// appendRecord appends a record of the journal as a line.
func appendRecord(b []byte, r record) ([]byte, error) {
	switch {
	case r.Message != nil:
		b = append(b, `{"message":`...)
		b = appendMessageRecord(b, r.Message)
	case r.Settled != nil:
		b = append(b, `{"settled":`...)
		b = appendSettledRecord(b, r.Settled)
	default: // rare
		text, err := json.Marshal(r)
		if err != nil {
			return nil, fmt.Errorf("encode a record of the journal: %w", err)
		}
		return append(append(b, text...), '\n'), nil
	}
	return append(b, '}', '\n'), nil
}

func appendMessageRecord(b []byte, r *messageRecord) []byte {
	b = append(b, '{')
	b = appendMember(b, "id", r.ID)
	b = appendContent(b, r.Attributes, r.Data)
	if r.OrderingKey != "" {
		b = appendMember(b, "orderingKey", r.OrderingKey)
	}
	if r.Topic != "" {
		b = appendMember(b, "topic", r.Topic)
	}
	if len(r.Acked) > 0 {
		b = append(appendStrings(append(b, `"acked":`...), r.Acked), ',')
	}
	if len(r.Snapshots) > 0 {
		b = append(appendStrings(append(b, `"snapshots":`...), r.Snapshots), ',')
	}
	if r.DeadLetterOf != nil {
		b = append(appendSettledRecord(append(b, `"deadLetterOf":`...), r.DeadLetterOf), ',')
	}
	b = append(b, `"publishTime":"`...)
	b = r.PublishTime.AppendFormat(b, time.RFC3339Nano)
	b = appendStrings(append(b, `","subscriptions":`...), r.Subscriptions)
	return append(b, '}')
}

func appendSettledRecord(b []byte, r *settledRecord) []byte {
	b = appendMember(append(b, '{'), "subscription", r.Subscription)
	b = appendStrings(append(b, `"ids":`...), r.IDs)
	return append(b, '}')
}

package pubsub

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// pushBody is the body of a push as encoding/json writes it.
type pushBody struct {
	DeliveryAttempt int         `json:"deliveryAttempt,omitempty"`
	Message         pushMessage `json:"message"`
	Subscription    string      `json:"subscription"`
}

type pushMessage struct {
	Attributes       map[string]string `json:"attributes,omitempty"`
	Data             []byte            `json:"data,omitempty"`
	MessageID        string            `json:"messageId"`
	MessageIDAlias   string            `json:"message_id"`
	OrderingKey      string            `json:"orderingKey,omitempty"`
	PublishTime      string            `json:"publishTime"`
	PublishTimeAlias string            `json:"publish_time"`
}

// texts are texts with and without characters that JSON escapes.
var texts = []string{"", "plain", `quote " and \ backslash`, "<a href='x'>&</a>", "line\nbreak\tand\x00\x7f", "Grüße, 世界 🛍", "\u2028\u2029", "not UTF-8: \xff"}

func messages() []*pb.PubsubMessage {
	var list []*pb.PubsubMessage
	at := time.Date(2026, 11, 28, 9, 0, 0, 120_000_000, time.UTC)
	for _, text := range texts {
		list = append(list, &pb.PubsubMessage{
			MessageId: "17", Data: []byte(text), OrderingKey: text, PublishTime: timestamppb.New(at),
			Attributes: map[string]string{text: text, "z": "last", "a": "first"},
		})
	}
	many := map[string]string{}
	for i := range 100 {
		many[strings.Repeat("k", i+1)] = "v"
	}
	return append(list, &pb.PubsubMessage{MessageId: "18", Attributes: many, PublishTime: timestamppb.New(at.Truncate(time.Second))})
}

func TestAppendPushBody(t *testing.T) {
	t.Parallel()
	for _, config := range []*pb.Subscription{
		{Name: "projects/p/subscriptions/s"},
		{Name: "projects/p/subscriptions/<s>", DeadLetterPolicy: &pb.DeadLetterPolicy{}},
	} {
		for _, m := range messages() {
			published := m.GetPublishTime().AsTime().Format(pushTime)
			body := pushBody{Subscription: config.GetName(), Message: pushMessage{
				Attributes: m.GetAttributes(), Data: m.GetData(), OrderingKey: m.GetOrderingKey(),
				MessageID: m.GetMessageId(), MessageIDAlias: m.GetMessageId(), PublishTime: published, PublishTimeAlias: published,
			}}
			if config.GetDeadLetterPolicy() != nil {
				body.DeliveryAttempt = 3
			}
			want, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(appendPushBody(nil, config, m, 3))); diff != "" {
				t.Errorf("(-encoding/json +got)\n%s", diff)
			}
		}
	}
}

func TestAppendRecord(t *testing.T) {
	t.Parallel()
	records := []record{
		{Header: &headerRecord{Version: journalVersion, LastID: 7}},
		{Settled: &settledRecord{Subscription: "s", IDs: []string{"1", "2"}}},
		{TopicDeleted: "t"},
	}
	for _, m := range messages() {
		r := newMessageRecord(m, []string{"one", "two"})
		full := newMessageRecord(m, nil)
		full.Topic, full.Acked, full.Snapshots = "t", []string{"a", "b"}, []string{"c"}
		full.DeadLetterOf = &settledRecord{Subscription: "s", IDs: []string{"1"}}
		records = append(records, record{Message: r}, record{Message: full})
	}
	for _, r := range records {
		line, err := appendRecord([]byte("before\n"), r)
		if err != nil {
			t.Fatal(err)
		}
		line = bytes.TrimPrefix(line, []byte("before\n"))
		var got, want record
		if err := replayLine(2, bytes.TrimSuffix(line, []byte("\n")), func(read record) error { got = read; return nil }); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if want.Message != nil && want.Message.Subscriptions == nil {
			want.Message.Subscriptions = []string{} // null and [] have one meaning
		}
		if diff := cmp.Diff(want, got); diff != "" || bytes.Count(line, []byte("\n")) != 1 {
			t.Errorf("%s (-encoding/json +got)\n%s", line, diff)
		}
	}
}

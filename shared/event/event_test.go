package event_test

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"souk/shared/event"
)

func push(attributes map[string]string, data []byte) event.Push {
	var p event.Push
	p.Message.MessageID = "message-7"
	p.Message.Attributes, p.Message.Data = attributes, data
	return p
}

func TestEnvelope(t *testing.T) {
	t.Parallel()
	t.Run("survives the round trip through attributes and JSON", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(t *rapid.T) {
			id := func(name string) uuid.UUID {
				return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
			}
			text, err := json.Marshal(rapid.String().Draw(t, "payload"))
			if err != nil {
				t.Fatal(err)
			}
			sent := event.Event{
				ID: id("id"), Type: rapid.StringMatching(`[a-z]+(-[a-z]+)*`).Draw(t, "type"),
				Time:          time.Unix(0, rapid.Int64Range(0, 1<<61).Draw(t, "time")).In(time.FixedZone("", rapid.IntRange(-50, 50).Draw(t, "zone")*900)),
				AggregateType: rapid.StringMatching(`[a-z]*`).Draw(t, "aggregateType"), AggregateID: id("aggregateId"),
				Payload: text, Traceparent: rapid.StringMatching(`|00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]`).Draw(t, "trace"),
			}
			if zone := sent.Attributes()["time"]; !strings.HasSuffix(zone, "Z") {
				t.Fatalf("the time %s is not in UTC", zone)
			}
			wire, err := json.Marshal(push(sent.Attributes(), sent.Payload))
			if err != nil {
				t.Fatal(err)
			}
			var arrived event.Push
			if err := json.Unmarshal(wire, &arrived); err != nil {
				t.Fatal(err)
			}
			got, err := arrived.Event()
			if err != nil {
				t.Fatal(err)
			}
			if !got.Time.Equal(sent.Time) || string(got.Payload) != string(sent.Payload) {
				t.Fatalf("got %+v, sent %+v", got, sent)
			}
			got.Time, got.Payload, sent.Time, sent.Payload = time.Time{}, nil, time.Time{}, nil
			if got.ID != sent.ID || got.Type != sent.Type || got.AggregateType != sent.AggregateType ||
				got.AggregateID != sent.AggregateID || got.Traceparent != sent.Traceparent {
				t.Fatalf("got %+v, sent %+v", got, sent)
			}
		})
	})

	t.Run("has no trace attribute without a trace", func(t *testing.T) {
		t.Parallel()
		if _, ok := (event.Event{ID: uuid.New()}).Attributes()["traceparent"]; ok {
			t.Error("it has one: Pub/Sub rejects empty attributes in filters")
		}
	})
}

func TestPush(t *testing.T) {
	t.Parallel()
	complete := event.Event{ID: uuid.New(), Type: "thing-made", Time: time.Now(), AggregateType: "thing", AggregateID: uuid.New()}.Attributes()

	t.Run("parses a request of Pub/Sub", func(t *testing.T) {
		t.Parallel()
		// https://cloud.google.com/pubsub/docs/push#receive_push
		var p event.Push
		err := json.Unmarshal([]byte(`{
			"deliveryAttempt": 5,
			"message": {
				"attributes": {"id": "0199c0de-0000-7000-8000-000000000001", "type": "thing-made", "time": "2026-01-02T03:04:05.678Z"},
				"data": "SGVsbG8gQ2xvdWQgUHViL1N1YiEgSGVyZSBpcyBteSBtZXNzYWdlIQ==",
				"messageId": "2070443601311540", "message_id": "2070443601311540",
				"publishTime": "2021-02-26T19:13:55.749Z", "publish_time": "2021-02-26T19:13:55.749Z",
				"orderingKey": "key"
			},
			"subscription": "projects/myproject/subscriptions/mysubscription"
		}`), &p)
		if err != nil {
			t.Fatal(err)
		}
		e, err := p.Event()
		if err != nil || string(e.Payload) != "Hello Cloud Pub/Sub! Here is my message!" || e.AggregateID != uuid.Nil {
			t.Errorf("got %+v, %v", e, err)
		}
		if p.DeliveryAttempt != 5 || p.Message.MessageID != "2070443601311540" || p.Subscription != "projects/myproject/subscriptions/mysubscription" {
			t.Errorf("got %+v", p)
		}
	})

	for name, bad := range map[string]struct {
		attribute, value string
		missing          bool
	}{
		"without an id":              {"id", "", true},
		"with a malformed id":        {"id", "7", false},
		"without a time":             {"time", "", true},
		"with a malformed time":      {"time", "yesterday", false},
		"without a type":             {"type", "", true},
		"with a malformed aggregate": {"aggregateId", "7", false},
	} {
		t.Run("rejects a message "+name+", naming message and attribute", func(t *testing.T) {
			t.Parallel()
			attributes := maps.Clone(complete)
			attributes[bad.attribute] = bad.value
			if bad.missing {
				delete(attributes, bad.attribute)
			}
			_, err := push(attributes, nil).Event()
			if err == nil || !strings.Contains(err.Error(), "message-7: attribute "+bad.attribute) {
				t.Errorf("got %v", err)
			}
		})
	}

	t.Run("rejects a message without attributes", func(t *testing.T) {
		t.Parallel()
		if _, err := (event.Push{}).Event(); err == nil {
			t.Error("no error")
		}
	})
}

func TestTick(t *testing.T) {
	t.Parallel()
	t.Run("has the time of the message and the same id in every delivery", func(t *testing.T) {
		t.Parallel()
		p := push(map[string]string{"type": "schedule-due"}, nil)
		p.Message.PublishTime = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
		first, err := p.Tick()
		if err != nil {
			t.Fatal(err)
		}
		again, err := p.Tick()
		if err != nil || again.ID != first.ID || first.ID == uuid.Nil {
			t.Errorf("got id %s and then %s, %v", first.ID, again.ID, err)
		}
		if !first.Time.Equal(p.Message.PublishTime) || first.Type != event.TypeTick {
			t.Errorf("got %+v", first)
		}
		p.Message.MessageID = "message-8"
		if next, err := p.Tick(); err != nil || next.ID == first.ID {
			t.Errorf("two ticks have the id %s, %v", next.ID, err)
		}
	})

	t.Run("requires only the attributes of every message", func(t *testing.T) {
		t.Parallel()
		if _, err := push(nil, nil).Tick(); err != nil {
			t.Error(err)
		}
		if _, err := (event.Push{}).Tick(); err == nil {
			t.Error("a body without a message is accepted")
		}
	})
}

package event_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/shared/event"
)

func FuzzPush(f *testing.F) {
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"message":{"data":"e30=","attributes":{"id":"0199c0de-0000-7000-8000-000000000001","type":"order-placed","time":"2026-01-01T00:00:00Z",` +
		`"aggregateType":"order","aggregateId":"0199c0de-0000-7000-8000-000000000002","traceparent":"00-x"},"messageId":"1"},"deliveryAttempt":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		var push event.Push
		if json.Unmarshal(body, &push) != nil {
			return
		}
		e, err := push.Event()
		if err != nil {
			return
		}
		// Parsing the attributes of a parsed event returns the same event.
		again := push
		again.Message.Attributes = e.Attributes()
		read, err := again.Event()
		if diff := cmp.Diff(e.Attributes(), read.Attributes()); err != nil || diff != "" {
			t.Fatalf("error %v, attributes (-event +parsed again):\n%s", err, diff)
		}
	})
}

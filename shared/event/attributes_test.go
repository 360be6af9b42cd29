package event_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/event"
)

// labelled is a payload whose events have extra attributes.
type labelled struct {
	Label string `json:"label"`
}

// EventAttributes implements event.Attributed.
func (l labelled) EventAttributes() map[string]string {
	if l.Label == "" {
		return nil
	}
	return map[string]string{"label": l.Label, "type": "another-type"}
}

var thingLabelled = event.NewTopic[labelled]("thing-labelled", "thing")

func (h *fixture) mustAddLabelled(t *testing.T, labels ...string) {
	t.Helper()
	var params []event.AddParams[labelled]
	for _, label := range labels {
		params = append(params, event.AddParams[labelled]{AggregateID: uuid.New(), Payload: labelled{label}})
	}
	err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		return thingLabelled.AddBatch(ctx, tx, h.Outbox, params...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestExtraAttributes checks that messages have the attributes of their payload, whether the
// request publishes them or the sweep, and that these cannot replace the envelope.
func TestExtraAttributes(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.mustAddLabelled(t, "red", "")
	h.setDown(true)
	h.mustAddLabelled(t, "", "blue \"ä\"")
	h.requireCount(t, `outbox WHERE attributes IS NOT NULL`, 2)
	h.setDown(false)
	h.advance(afterPublishDelay)
	h.mustSweep(t)
	var labels []string
	for _, e := range h.published {
		attributes := e.Attributes()
		if attributes["type"] != "thing-labelled" || attributes["id"] != e.ID.String() {
			t.Errorf("the envelope is %v", attributes)
		}
		label, found := attributes["label"]
		if found != (label != "") {
			t.Errorf("an event without a label has the attributes %v", attributes)
		}
		labels = append(labels, label)
	}
	if diff := cmp.Diff([]string{"red", "", "", `blue "ä"`}, labels); diff != "" {
		t.Errorf("labels (-want +got):\n%s", diff)
	}
}

package audit

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions"
	"souk/shared/manifest"
)

// TestNoInbox requires that each function without an inbox is known here: deliveries are the inbox of
// webhook-fanout, and events of webhook-deliver are hints. The audit finds no event that another one has
// lost.
func TestNoInbox(t *testing.T) {
	t.Parallel()
	var names []string
	for _, f := range functions.Manifest().Functions {
		if f.Inbox == manifest.NoInbox {
			names = append(names, f.Name)
		}
	}
	if diff := cmp.Diff([]string{webhookFanout, "webhook-deliver"}, names); diff != "" {
		t.Errorf("functions without an inbox (-known +functions.yaml):\n%s", diff)
	}
}

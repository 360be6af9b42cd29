package webhook_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/trail"
)

// TestTrailList requires an entry of each change of a webhook, without the path of its URL.
func TestTrailList(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	created := f.mustCreate(t, "https://example.com/hook/4711", "*")
	f.change(t, http.MethodPatch, created.ID, map[string]any{"url": "https://example.com/hook/4712", "status": "disabled"}).MustBe(t, http.StatusOK)
	f.post(t, path(created.ID)+"/rotate", nil).MustBe(t, http.StatusOK)
	f.change(t, http.MethodDelete, created.ID, nil).MustBe(t, http.StatusNoContent)

	var page api.Page[trail.Entry]
	response := f.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/webhooks?resourceId=" + created.ID.String(), Token: f.admin(t)})
	response.MustBe(t, http.StatusOK).Into(t, &page)
	var operations []string
	for _, e := range page.Items {
		operations = append(operations, e.Operation)
	}
	if got := strings.Join(operations, " "); got != "webhook-delete webhook-rotate webhook-update webhook-create" {
		t.Fatalf("the entries are of %s", got)
	}
	if text := string(response.Body); strings.Contains(text, "4711") || strings.Contains(text, "whsec_") || !strings.Contains(text, "example.com") {
		t.Errorf("the entries are %s", text)
	}
}

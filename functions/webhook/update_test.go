package webhook_test

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/webhook"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	created := f.mustCreate(t, "https://example.com/hook", "*")
	var updated webhook.Endpoint
	f.change(t, http.MethodPatch, created.ID, map[string]any{"url": "https://example.com/other", "eventTypes": []string{"order.shipped"}, "status": "disabled"}).
		MustBe(t, http.StatusOK).Into(t, &updated)
	if updated.Status != webhook.Disabled || updated.DisabledReason != webhook.ByStaff || updated.Version != 2 || updated.Description != created.Description ||
		updated.URL != "https://example.com/other" || updated.EventTypes[0] != "order.shipped" {
		t.Errorf("updated %+v", updated)
	}
	if diff := cmp.Diff(updated, f.mustGet(t, created.ID)); diff != "" {
		t.Errorf("(-response +stored):\n%s", diff)
	}
	var enabled webhook.Endpoint
	f.change(t, http.MethodPatch, created.ID, map[string]any{"status": "enabled", "description": ""}).MustBe(t, http.StatusOK).Into(t, &enabled)
	if enabled.Status != webhook.Enabled || enabled.DisabledReason != "" || enabled.Description != "" {
		t.Errorf("enabled %+v", enabled)
	}
	f.change(t, http.MethodPatch, created.ID, map[string]any{"url": "https://10.0.0.1/"}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	f.change(t, http.MethodPatch, created.ID, map[string]any{"eventTypes": []string{"*", "order.shipped"}}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
}

package webhook_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

// TestRevocations requires that webhook-revocations stores revocations of tokens, and removes deleted
// accounts from the trail.
func TestRevocations(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	created := f.mustCreate(t, "https://example.com/hook", "*")
	f.Deliver(t, "webhook-revocations", functiontest.NewEvent(t, "access-revoked", map[string]any{"userId": uuid.New(), "rightsVersion": 2})).
		MustBe(t, http.StatusNoContent)
	var rows int
	if err := f.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM access_revocation`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d revocations are stored, want 1: %v", rows, err)
	}
	var actor uuid.UUID
	if err := f.DB.QueryRowContext(t.Context(), `SELECT actor_id FROM trail WHERE resource_id = ?`, created.ID[:]).Scan(&actor); err != nil {
		t.Fatal(err)
	}
	f.Deliver(t, "webhook-revocations", functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": actor})).MustBe(t, http.StatusNoContent)
	if err := f.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM trail WHERE actor_id = ?`, actor[:]).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d entries have the deleted account: %v", rows, err)
	}
}

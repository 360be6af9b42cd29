package product_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

// TestRevocations requires that product-revocations stores revocations of tokens, as the functions of
// other services do.
func TestRevocations(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.Deliver(t, "product-revocations", functiontest.NewEvent(t, "access-revoked", map[string]any{"userId": uuid.New(), "rightsVersion": 2})).
		MustBe(t, http.StatusNoContent)
	var rows int
	if err := s.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM access_revocation`).Scan(&rows); err != nil || rows != 1 {
		t.Errorf("%d revocations are stored, want 1: %v", rows, err)
	}
}

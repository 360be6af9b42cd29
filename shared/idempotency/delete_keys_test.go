package idempotency_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/idempotency"
)

func (h *fixture) mustDeleteKeys(t *testing.T, caller string) {
	t.Helper()
	err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		return idempotency.DeleteKeys(ctx, tx, uuid.MustParse(caller))
	})
	if err != nil {
		t.Error(err)
	}
}

// countKeys returns how many keys of a caller there are.
func (h *fixture) countKeys(t *testing.T, caller string) (n int) {
	t.Helper()
	id := uuid.MustParse(caller)
	if err := h.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM idempotency_key WHERE caller = ?`, id[:]).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestDeleteKeys(t *testing.T) {
	t.Parallel()

	t.Run("deletes the responses of one caller only", func(t *testing.T) {
		t.Parallel()
		h := open(t, (*fixture).create)
		first, second, other := newTestRequest(), newTestRequest(), newTestRequest()
		second.caller = first.caller
		for _, s := range []testRequest{first, second, other} {
			h.send(t, s).MustBe(t, http.StatusCreated)
		}
		h.mustDeleteKeys(t, first.caller)
		if deleted, stored := h.countKeys(t, first.caller), h.countKeys(t, other.caller); deleted != 0 || stored != 1 {
			t.Errorf("there are %d keys of the caller and %d of another, want 0 and 1", deleted, stored)
		}
		if h.send(t, other).MustBe(t, http.StatusCreated).Header.Get(idempotency.HeaderReplayed) != "true" {
			t.Error("the response of another caller is not replayed")
		}
	})

	t.Run("waits for an attempt in progress and deletes its response", func(t *testing.T) {
		t.Parallel()
		slow, h := openSlow(t)
		s := newTestRequest()
		responses := slow.begin(t, h, s)
		forgotten, deleting := make(chan struct{}), make(chan struct{})
		h.statements.Set(func(statement string) dbtest.Fate {
			if strings.Contains(statement, "DELETE FROM idempotency_key") {
				close(deleting)
			}
			return dbtest.Pass
		})
		go func() {
			defer close(forgotten)
			h.mustDeleteKeys(t, s.caller)
		}()
		<-deleting
		slow.release()
		(<-responses).MustBe(t, http.StatusCreated)
		<-forgotten
		h.requireEffects(t, 1)
		if n := h.countKeys(t, s.caller); n != 0 {
			t.Errorf("there are %d keys", n)
		}
	})
}

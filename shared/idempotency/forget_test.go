package idempotency_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/database"
	"souk/shared/idempotency"
)

func (h *house) mustForget(t *testing.T, caller string) {
	t.Helper()
	err := h.db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
		return idempotency.Forget(ctx, tx, uuid.MustParse(caller))
	})
	if err != nil {
		t.Error(err)
	}
}

// keysOf returns how many keys of a caller are known.
func (h *house) keysOf(t *testing.T, caller string) (n int) {
	t.Helper()
	id := uuid.MustParse(caller)
	if err := h.db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM idempotency_key WHERE caller = ?`, id[:]).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestForget(t *testing.T) {
	t.Parallel()

	t.Run("erases the answers kept for a caller, and for no other", func(t *testing.T) {
		t.Parallel()
		h := open(t, (*house).make)
		first, second, other := newSend(), newSend(), newSend()
		second.caller = first.caller
		for _, s := range []send{first, second, other} {
			h.send(t, s).MustBe(t, http.StatusCreated)
		}
		h.mustForget(t, first.caller)
		if gone, kept := h.keysOf(t, first.caller), h.keysOf(t, other.caller); gone != 0 || kept != 1 {
			t.Errorf("%d keys of the caller and %d of another are known, want 0 and 1", gone, kept)
		}
		if h.send(t, other).MustBe(t, http.StatusCreated).Header.Get(idempotency.HeaderReplayed) != "true" {
			t.Error("the other's answer is not replayed")
		}
	})

	t.Run("takes the effect from an attempt under way", func(t *testing.T) {
		t.Parallel()
		h := open(t, func(h *house, w http.ResponseWriter, r *http.Request) error {
			h.mustForget(t, r.Header.Get("Authorization")[len("Bearer "):])
			return h.make(w, r)
		})
		s := newSend()
		h.send(t, s).MustBeProblem(t, http.StatusConflict, "idempotency_in_flight")
		h.mustHaveEffects(t, 0)
		if n := h.keysOf(t, s.caller); n != 0 {
			t.Errorf("%d keys are known", n)
		}
	})

	t.Run("has an answer of an effect before it kept by nobody", func(t *testing.T) {
		t.Parallel()
		h := open(t, func(h *house, w http.ResponseWriter, r *http.Request) error {
			err := h.make(w, r)
			h.mustForget(t, r.Header.Get("Authorization")[len("Bearer "):])
			return err
		})
		s := newSend()
		h.send(t, s).MustBe(t, http.StatusCreated)
		h.mustHaveEffects(t, 1)
		if n := h.keysOf(t, s.caller); n != 0 {
			t.Errorf("%d keys are known", n)
		}
	})
}

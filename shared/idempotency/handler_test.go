package idempotency_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/idempotency"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	h := open(t, (*house).create)

	t.Run("have the first answer replayed", func(t *testing.T) {
		t.Parallel()
		s := newSend()
		first := h.send(t, s).MustBe(t, http.StatusCreated)
		if first.Header.Get(idempotency.HeaderReplayed) != "" {
			t.Error("the first answer says that it is a replay")
		}
		mustReplay(t, first, h.send(t, s))
		mustReplay(t, first, h.send(t, s))
	})

	t.Run("are their caller's and their operation's own", func(t *testing.T) {
		t.Parallel()
		s := newSend()
		seen := map[string]bool{string(h.send(t, s).MustBe(t, http.StatusCreated).Body): true}
		other, elsewhere := s, s
		other.caller = uuid.NewString()
		elsewhere.path = "/optional/1"
		for _, s := range []send{other, elsewhere} {
			answer := h.send(t, s).MustBe(t, http.StatusCreated)
			if seen[string(answer.Body)] || answer.Header.Get(idempotency.HeaderReplayed) != "" {
				t.Errorf("%v saw another's answer: %s", s, answer.Body)
			}
			seen[string(answer.Body)] = true
		}
	})

	t.Run("used with another request are a 422", func(t *testing.T) {
		t.Parallel()
		s := newSend()
		h.send(t, s).MustBe(t, http.StatusCreated)
		for _, change := range []func(*send){
			func(s *send) { s.body = `{"a":2}` },
			func(s *send) { s.path = "/required/2" },
			func(s *send) { s.path += "?b=1" },
		} {
			changed := s
			change(&changed)
			h.send(t, changed).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
		}
	})

	for name, key := range map[string]string{
		"none": "", "a space": "a b", "a control character": "a\tb", "other characters": "schlüssel", "too long": strings.Repeat("k", 256),
	} {
		t.Run("that are required are a 400 when they are "+name, func(t *testing.T) {
			t.Parallel()
			s := newSend()
			s.key = key
			answer := h.send(t, s)
			answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			if !strings.Contains(string(answer.Body), `"location":"header.Idempotency-Key"`) {
				t.Errorf("the fault is not located: %s", answer.Body)
			}
		})
	}

	t.Run("sent twice in one request are a 400", func(t *testing.T) {
		t.Parallel()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/optional/1", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header[idempotency.HeaderKey] = []string{"a", "b"}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusBadRequest {
			t.Errorf("got %d", answer.StatusCode)
		}
	})

	t.Run("may be as long as 255, and may be left out where they are optional", func(t *testing.T) {
		t.Parallel()
		s := newSend()
		s.key = strings.Repeat("k", idempotency.MaxKeyLength)
		h.send(t, s).MustBe(t, http.StatusCreated)
		s.key, s.path = "", "/optional/1"
		first, second := h.send(t, s).MustBe(t, http.StatusCreated), h.send(t, s).MustBe(t, http.StatusCreated)
		if string(first.Body) == string(second.Body) {
			t.Error("two requests without a key have one answer")
		}
	})

	t.Run("with a body that is too long are a 413", func(t *testing.T) {
		t.Parallel()
		s := newSend()
		s.body = strings.Repeat("x", 101)
		h.send(t, s).MustBeProblem(t, http.StatusRequestEntityTooLarge, "body_too_large")
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	h := open(t, (*house).create)
	s := newSend()
	first := h.send(t, s)
	h.pass(24*time.Hour - time.Second)
	mustReplay(t, first, h.send(t, s))
	h.pass(time.Second)
	again := h.send(t, s).MustBe(t, http.StatusCreated)
	if string(first.Body) == string(again.Body) {
		t.Error("the answer was replayed after a day")
	}
	mustReplay(t, again, h.send(t, s))

	h.send(t, newSend())
	h.pass(24 * time.Hour)
	h.send(t, newSend())
	h.pass(time.Second)
	if err := h.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := h.count(t, "idempotency_key"); left != 1 {
		t.Errorf("%d rows are left, want the one that is not a day old", left)
	}
}

// TestRefusals sends requests again whose first response was a refusal.
func TestRefusals(t *testing.T) {
	t.Parallel()
	refusals := map[string]struct {
		err   error
		final bool
	}{
		"invalid input":                 {api.Invalid("body.a", api.FieldFormat, "is wrong"), false},
		"a 403":                         {api.NewProblem(http.StatusForbidden, "forbidden", "No."), false},
		"a 404":                         {api.NewProblem(http.StatusNotFound, "not_found", "Gone."), false},
		"a 429":                         {api.TooManyRequests(api.RateLimit{Name: "a", Quota: 1, Window: time.Minute}, 0, time.Second), false},
		"a 500":                         {errors.New("boom"), false},
		"a 503":                         {api.Unavailable("No."), false},
		"a 409 that says when to retry": {api.NewProblem(http.StatusConflict, "soon", "Soon.").WithHeader("Retry-After", "1"), false},
		"a 409":                         {api.NewProblem(http.StatusConflict, "sold_out", "Gone."), true},
		"a 410":                         {api.NewProblem(http.StatusGone, "gone", "Gone."), true},
		"a 412":                         {api.NewProblem(http.StatusPreconditionFailed, "version_mismatch", "No."), true},
	}
	for name, refusal := range refusals {
		t.Run(fmt.Sprintf("%s: stored is %t", name, refusal.final), func(t *testing.T) {
			t.Parallel()
			times := 0
			h := open(t, func(h *house, ctx context.Context, tx *database.Tx, r *http.Request) (idempotency.Response, error) {
				response, err := h.create(ctx, tx, r)
				if times++; times == 1 {
					err = refusal.err
				}
				return response, err
			})
			s := newSend()
			first := h.send(t, s)
			h.mustHaveEffects(t, 0)
			if stored := h.count(t, "idempotency_key") == 1; stored != refusal.final {
				t.Errorf("stored is %t", stored)
			}
			again := h.send(t, s)
			if refusal.final {
				mustReplay(t, first, again)
				h.mustHaveEffects(t, 0)
				return
			}
			again.MustBe(t, http.StatusCreated)
			mustReplay(t, again, h.send(t, s))
			h.mustHaveEffects(t, 1)
		})
	}

	t.Run("a panic leaves the key unused", func(t *testing.T) {
		t.Parallel()
		times := 0
		h := open(t, func(h *house, ctx context.Context, tx *database.Tx, r *http.Request) (idempotency.Response, error) {
			response, err := h.create(ctx, tx, r)
			if times++; times == 1 {
				panic(http.ErrAbortHandler)
			}
			return response, err
		})
		s := newSend()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+s.path, strings.NewReader(s.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.caller)
		r.Header.Set(idempotency.HeaderKey, s.key)
		r.GetBody = nil // or the client would send it again by itself
		if response, err := http.DefaultClient.Do(r); err == nil {
			_ = response.Body.Close()
			t.Fatalf("got %d", response.StatusCode)
		}
		h.mustHaveEffects(t, 0)
		h.mustInsist(t, s).MustBe(t, http.StatusCreated)
		h.mustHaveEffects(t, 1)
	})
}

// TestInvalid sends requests that are refused before their transaction.
func TestInvalid(t *testing.T) {
	t.Parallel()
	h := open(t, (*house).create)
	s := newSend()
	bad := s
	bad.body = invalid
	h.send(t, bad).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	if n := h.count(t, "idempotency_key"); n != 0 {
		t.Errorf("there are %d keys of an invalid request", n)
	}
	first := h.send(t, s).MustBe(t, http.StatusCreated)
	h.send(t, bad).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	mustReplay(t, first, h.send(t, s))

	// What was carried out is replayed though its body would be refused today.
	if _, err := h.db.ExecContext(t.Context(), `UPDATE idempotency_key SET payload = ?`, payloadOf(bad)); err != nil {
		t.Fatal(err)
	}
	mustReplay(t, first, h.send(t, bad))
	h.mustHaveEffects(t, 1)
}

func (h *house) mustBecome(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

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
	h := open(t, (*fixture).create)

	t.Run("have the first response replayed", func(t *testing.T) {
		t.Parallel()
		s := newTestRequest()
		first := h.send(t, s).MustBe(t, http.StatusCreated)
		if first.Header.Get(idempotency.HeaderReplayed) != "" {
			t.Error("the first response is marked as a replay")
		}
		requireReplay(t, first, h.send(t, s))
		requireReplay(t, first, h.send(t, s))
	})

	t.Run("are scoped by caller and operation", func(t *testing.T) {
		t.Parallel()
		s := newTestRequest()
		seen := map[string]bool{string(h.send(t, s).MustBe(t, http.StatusCreated).Body): true}
		other, elsewhere := s, s
		other.caller = uuid.NewString()
		elsewhere.path = "/optional/1"
		for _, s := range []testRequest{other, elsewhere} {
			response := h.send(t, s).MustBe(t, http.StatusCreated)
			if seen[string(response.Body)] || response.Header.Get(idempotency.HeaderReplayed) != "" {
				t.Errorf("%v got the response of another key: %s", s, response.Body)
			}
			seen[string(response.Body)] = true
		}
	})

	t.Run("used with another request are a 422", func(t *testing.T) {
		t.Parallel()
		s := newTestRequest()
		h.send(t, s).MustBe(t, http.StatusCreated)
		for _, change := range []func(*testRequest){
			func(s *testRequest) { s.body = `{"a":2}` },
			func(s *testRequest) { s.path = "/required/2" },
			func(s *testRequest) { s.path += "?b=1" },
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
			s := newTestRequest()
			s.key = key
			response := h.send(t, s)
			response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			if !strings.Contains(string(response.Body), `"location":"header.Idempotency-Key"`) {
				t.Errorf("the error has no location: %s", response.Body)
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
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != http.StatusBadRequest {
			t.Errorf("got %d", response.StatusCode)
		}
	})

	t.Run("may be as long as 255, and may be left out where they are optional", func(t *testing.T) {
		t.Parallel()
		s := newTestRequest()
		s.key = strings.Repeat("k", idempotency.MaxKeyLength)
		h.send(t, s).MustBe(t, http.StatusCreated)
		s.key, s.path = "", "/optional/1"
		first, second := h.send(t, s).MustBe(t, http.StatusCreated), h.send(t, s).MustBe(t, http.StatusCreated)
		if string(first.Body) == string(second.Body) {
			t.Error("two requests without a key have the same response")
		}
	})

	t.Run("requests with a body that is too long get 413", func(t *testing.T) {
		t.Parallel()
		s := newTestRequest()
		s.body = strings.Repeat("x", 101)
		h.send(t, s).MustBeProblem(t, http.StatusRequestEntityTooLarge, "body_too_large")
	})
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	h := open(t, (*fixture).create)
	s := newTestRequest()
	first := h.send(t, s)
	h.advance(24*time.Hour - time.Second)
	requireReplay(t, first, h.send(t, s))
	h.advance(time.Second)
	again := h.send(t, s).MustBe(t, http.StatusCreated)
	if string(first.Body) == string(again.Body) {
		t.Error("the response was replayed after a day")
	}
	requireReplay(t, again, h.send(t, s))

	h.send(t, newTestRequest())
	h.advance(24 * time.Hour)
	h.send(t, newTestRequest())
	h.advance(time.Second)
	if err := h.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	if remaining := h.count(t, "idempotency_key"); remaining != 1 {
		t.Errorf("%d rows remain, want only the one that is less than a day old", remaining)
	}
}

// TestRefusals retries requests whose first response was a refusal.
func TestRefusals(t *testing.T) {
	t.Parallel()
	refusals := map[string]struct {
		err   error
		final bool
	}{
		"invalid input":          {api.Invalid("body.a", api.FieldFormat, "is wrong"), false},
		"a 403":                  {api.NewProblem(http.StatusForbidden, "forbidden", "No."), false},
		"a 404":                  {api.NewProblem(http.StatusNotFound, "not_found", "Gone."), false},
		"a 429":                  {api.TooManyRequests(api.RateLimit{Name: "a", Quota: 1, Window: time.Minute}, 0, time.Second), false},
		"a 500":                  {errors.New("boom"), false},
		"a 503":                  {api.Unavailable("No."), false},
		"a 409 with Retry-After": {api.NewProblem(http.StatusConflict, "soon", "Soon.").WithHeader("Retry-After", "1"), false},
		"a 409":                  {api.NewProblem(http.StatusConflict, "sold_out", "Gone."), true},
		"a 410":                  {api.NewProblem(http.StatusGone, "gone", "Gone."), true},
		"a 412":                  {api.NewProblem(http.StatusPreconditionFailed, "version_mismatch", "No."), true},
	}
	for name, refusal := range refusals {
		t.Run(fmt.Sprintf("%s: stored is %t", name, refusal.final), func(t *testing.T) {
			t.Parallel()
			times := 0
			h := open(t, func(h *fixture, ctx context.Context, tx *database.Tx, r *http.Request) (idempotency.Response, error) {
				response, err := h.create(ctx, tx, r)
				if times++; times == 1 {
					err = refusal.err
				}
				return response, err
			})
			s := newTestRequest()
			first := h.send(t, s)
			h.requireEffects(t, 0)
			if stored := h.count(t, "idempotency_key") == 1; stored != refusal.final {
				t.Errorf("stored is %t", stored)
			}
			again := h.send(t, s)
			if refusal.final {
				requireReplay(t, first, again)
				h.requireEffects(t, 0)
				return
			}
			again.MustBe(t, http.StatusCreated)
			requireReplay(t, again, h.send(t, s))
			h.requireEffects(t, 1)
		})
	}

	t.Run("a panic leaves the key unused", func(t *testing.T) {
		t.Parallel()
		times := 0
		h := open(t, func(h *fixture, ctx context.Context, tx *database.Tx, r *http.Request) (idempotency.Response, error) {
			response, err := h.create(ctx, tx, r)
			if times++; times == 1 {
				panic(http.ErrAbortHandler)
			}
			return response, err
		})
		s := newTestRequest()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+s.path, strings.NewReader(s.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.caller)
		r.Header.Set(idempotency.HeaderKey, s.key)
		r.GetBody = nil // otherwise the client would retry by itself
		if response, err := http.DefaultClient.Do(r); err == nil {
			_ = response.Body.Close()
			t.Fatalf("got %d", response.StatusCode)
		}
		h.requireEffects(t, 0)
		h.sendUntilFinal(t, s).MustBe(t, http.StatusCreated)
		h.requireEffects(t, 1)
	})
}

// TestInvalid sends requests that are refused before their transaction.
func TestInvalid(t *testing.T) {
	t.Parallel()
	h := open(t, (*fixture).create)
	s := newTestRequest()
	bad := s
	bad.body = invalid
	h.send(t, bad).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	if n := h.count(t, "idempotency_key"); n != 0 {
		t.Errorf("there are %d keys of an invalid request", n)
	}
	first := h.send(t, s).MustBe(t, http.StatusCreated)
	h.send(t, bad).MustBeProblem(t, http.StatusUnprocessableEntity, "idempotency_key_reused")
	requireReplay(t, first, h.send(t, s))

	// A request that took effect is replayed even if its body would be refused now.
	if _, err := h.db.ExecContext(t.Context(), `UPDATE idempotency_key SET payload = ?`, hashPayload(bad)); err != nil {
		t.Fatal(err)
	}
	requireReplay(t, first, h.send(t, bad))
	h.requireEffects(t, 1)
}

// waitUntil waits until a condition is true, for 20 s at most.
func (h *fixture) waitUntil(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !condition(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

package idempotency_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/idempotency"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	h := open(t, (*house).make)

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
	h := open(t, (*house).make)
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

// TestUnfinished sends requests again whose first answer was no final one.
func TestUnfinished(t *testing.T) {
	t.Parallel()
	refusals := map[string]struct {
		err   error
		final bool
	}{
		"a fault of the input":          {api.Invalid("body.a", api.FieldFormat, "is wrong"), false},
		"a 403":                         {api.NewProblem(http.StatusForbidden, "forbidden", "No."), false},
		"a 429":                         {api.TooManyRequests(api.RateLimit{Name: "a", Quota: 1, Window: time.Minute}, 0, time.Second), false},
		"a 500":                         {errors.New("boom"), false},
		"a 503":                         {api.Unavailable("No."), false},
		"a 409 that says when to retry": {api.NewProblem(http.StatusConflict, "soon", "Soon.").WithHeader("Retry-After", "1"), false},
		"a 409":                         {api.NewProblem(http.StatusConflict, "sold_out", "Gone."), true},
		"a 404":                         {api.NewProblem(http.StatusNotFound, "not_found", "Gone."), true},
	}
	for name, refusal := range refusals {
		t.Run(fmt.Sprintf("%s: final is %t", name, refusal.final), func(t *testing.T) {
			t.Parallel()
			times := 0
			h := open(t, func(h *house, w http.ResponseWriter, r *http.Request) error {
				if times++; times == 1 {
					return refusal.err
				}
				return h.make(w, r)
			})
			s := newSend()
			first, again := h.send(t, s), h.send(t, s)
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

	t.Run("a panic leaves the key free", func(t *testing.T) {
		t.Parallel()
		times := 0
		h := open(t, func(h *house, w http.ResponseWriter, r *http.Request) error {
			if times++; times == 1 {
				panic(http.ErrAbortHandler)
			}
			return h.make(w, r)
		})
		s := newSend()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+s.path, strings.NewReader(s.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.caller)
		r.Header.Set(idempotency.HeaderKey, s.key)
		r.GetBody = nil // or the client would send it again by itself
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close()
			t.Fatalf("got %d", answer.StatusCode)
		}
		mustBecome(t, "the key is free", func() bool { return h.count(t, "idempotency_key") == 0 })
		h.send(t, s).MustBe(t, http.StatusCreated)
	})
}

func mustBecome(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

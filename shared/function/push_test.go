package function_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/shared/event"
	"souk/shared/function/functiontest"
)

func requireCount(t *testing.T, s *functiontest.Server, want int, from string, args ...any) {
	t.Helper()
	var n int
	if err := s.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+from, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != want {
		t.Errorf("there are %d rows in %s of %v, want %d", n, from, args, want)
	}
}

func newAccountCreated(t *testing.T, name string, fail bool) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "account-created", map[string]any{"name": name, "fail": fail, "new": "a field of a later version"})
}

func TestEvent(t *testing.T) {
	t.Parallel()
	s := start(t)

	t.Run("takes effect once in any number of deliveries", func(t *testing.T) {
		t.Parallel()
		e := newAccountCreated(t, "once", false)
		for range 3 {
			s.Deliver(t, "account-copy", e).MustBe(t, http.StatusNoContent)
		}
		requireCount(t, s, 1, `copied WHERE name = 'once'`)
		requireCount(t, s, 1, `inbox WHERE event_id = ? AND consumer = 'account-copy'`, e.ID[:])
		requireCount(t, s, 1, `outbox WHERE payload LIKE '%once%'`)
	})

	t.Run("takes effect once in concurrent deliveries", func(t *testing.T) {
		t.Parallel()
		e := newAccountCreated(t, "in parallel", false)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if response := s.Deliver(t, "account-copy", e); response.Status != http.StatusNoContent {
					t.Errorf("got %d: %s", response.Status, response.Body)
				}
			})
		}
		all.Wait()
		requireCount(t, s, 1, `copied WHERE name = 'in parallel'`)
	})

	t.Run("fails with a 500 without the cause and rolls back", func(t *testing.T) {
		t.Parallel()
		e := newAccountCreated(t, "failed", true)
		trace, _ := newTrace()
		e.Traceparent = "00-" + trace + "-00f067aa0ba902b7-01"
		response := s.Deliver(t, "account-copy", e)
		response.MustBeProblem(t, http.StatusInternalServerError, "internal")
		if strings.Contains(string(response.Body), "hunter2") {
			t.Errorf("got %s", response.Body)
		}
		line := mustLogLine(t, trace, "process event")
		if text, _ := line["error"].(string); !strings.Contains(text, errInside.Error()) || line["event"] != e.ID.String() ||
			line["type"] != "account-created" || line["attempt"] != 1.0 || line["severity"] != "ERROR" {
			t.Errorf("logged was %v", line)
		}
		requireCount(t, s, 0, `copied WHERE name = 'failed'`)
		requireCount(t, s, 0, `inbox WHERE event_id = ?`, e.ID[:])
		requireCount(t, s, 0, `outbox WHERE payload LIKE '%failed%'`)
	})

	t.Run("fails with a warning if it is to be redelivered in the usual course", func(t *testing.T) {
		t.Parallel()
		e := newAccountCreated(t, "in use", false)
		trace, _ := newTrace()
		e.Traceparent = "00-" + trace + "-00f067aa0ba902b7-01"
		s.Deliver(t, "account-copy", e).MustBeProblem(t, http.StatusInternalServerError, "internal")
		if line := mustLogLine(t, trace, "process event"); line["event"] != e.ID.String() || line["severity"] != "WARNING" {
			t.Errorf("logged was %v", line)
		}
		requireCount(t, s, 0, `copied WHERE name = 'in use'`)
	})

	t.Run("takes effect when it is redelivered after a failure", func(t *testing.T) {
		t.Parallel()
		e := newAccountCreated(t, "in the end", true)
		s.Deliver(t, "account-copy", e).MustBe(t, http.StatusInternalServerError)
		e.Payload = newAccountCreated(t, "in the end", false).Payload
		s.Deliver(t, "account-copy", e).MustBe(t, http.StatusNoContent)
		requireCount(t, s, 1, `copied WHERE name = 'in the end'`)
	})

	t.Run("continues the trace of its message and propagates it", func(t *testing.T) {
		t.Parallel()
		e := newAccountCreated(t, "traced", false)
		trace, _ := newTrace()
		e.Traceparent = "00-" + trace + "-00f067aa0ba902b7-01"
		s.Deliver(t, "account-copy", e).MustBe(t, http.StatusNoContent)
		line := mustLogLine(t, trace, "account-copy")
		if request, _ := line["httpRequest"].(map[string]any); request["status"] != 204.0 {
			t.Errorf("logged was %v", line)
		}
		requireCount(t, s, 1, `outbox WHERE payload LIKE '%traced%' AND traceparent LIKE ?`, "00-"+trace+"-%")
	})

	t.Run("has no effect if the function does not accept its type", func(t *testing.T) {
		t.Parallel()
		e := newAccountCreated(t, "stray", false)
		e.Type = "account-gone"
		s.Deliver(t, "account-copy", e).MustBe(t, http.StatusInternalServerError)
		requireCount(t, s, 0, `copied WHERE name = 'stray'`)
		requireCount(t, s, 0, `inbox WHERE event_id = ?`, e.ID[:])
	})

	t.Run("is refused if its payload is malformed", func(t *testing.T) {
		t.Parallel()
		for _, payload := range []string{``, `{`, `[]`, `{"name": 7}`} {
			e := newAccountCreated(t, "", false)
			e.Payload = []byte(payload)
			s.Deliver(t, "account-copy", e).MustBe(t, http.StatusInternalServerError)
			requireCount(t, s, 0, `inbox WHERE event_id = ?`, e.ID[:])
		}
	})
}

func TestPushRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	push := func(t *testing.T, body string) (functiontest.Response, string) {
		t.Helper()
		trace, header := newTrace()
		return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/account-copy", Token: s.Tokens.Push(t), Header: header, Body: body}), trace
	}

	t.Run("that is malformed gets 400", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{``, `hello`, `[]`, `{"message": "hello"}`, `{"message": {"data": "no base64"}}`} {
			response, _ := push(t, body)
			response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})

	t.Run("a push without attributes gets 400 and is logged with its message id", func(t *testing.T) {
		t.Parallel()
		response, trace := push(t, `{"message": {"messageId": "7", "data": ""}, "subscription": "s", "deliveryAttempt": 3}`)
		response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if line := mustLogLine(t, trace, "decode message attributes"); line["messageId"] != "7" || line["subscription"] != "s" || line["attempt"] != 3.0 {
			t.Errorf("logged was %v", line)
		}
	})

	t.Run("a push to a scheduled function runs it", func(t *testing.T) {
		t.Parallel()
		tick := functiontest.NewEvent(t, "account-sweep", map[string]any{})
		tick.AggregateID = uuid.Nil
		s.Deliver(t, "account-sweep", tick).MustBe(t, http.StatusNoContent)
		requireCount(t, s, 1, `copied WHERE name = 'swept'`)
	})

	t.Run("a push to a scheduled function from Cloud Scheduler runs it", func(t *testing.T) {
		t.Parallel()
		// A separate server, because another test counts the table.
		s := start(t)
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/account-sweep", Token: s.Tokens.Push(t), Body: `{
			"message": {"attributes": {"type": "schedule-due"}, "messageId": "15530182103452",
				"message_id": "15530182103452", "publishTime": "2026-11-22T10:00:00.102Z"},
			"subscription": "projects/p/subscriptions/account-sweep.account-sweep", "deliveryAttempt": 1}`}).MustBe(t, http.StatusNoContent)
		requireCount(t, s, 1, `copied WHERE name = 'swept'`)
	})
}

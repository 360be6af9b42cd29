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

func mustCount(t *testing.T, s *functiontest.Server, want int, from string, args ...any) {
	t.Helper()
	var n int
	if err := s.DB.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM `+from, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if n != want {
		t.Errorf("there are %d rows in %s of %v, want %d", n, from, args, want)
	}
}

func made(t *testing.T, name string, fail bool) event.Event {
	t.Helper()
	return functiontest.NewEvent(t, "account-made", map[string]any{"name": name, "fail": fail, "new": "a field of a later version"})
}

func TestEvent(t *testing.T) {
	t.Parallel()
	s := start(t)

	t.Run("takes effect once, however often it is delivered", func(t *testing.T) {
		t.Parallel()
		e := made(t, "once", false)
		for range 3 {
			s.Deliver(t, "account-keep", e).MustBe(t, http.StatusNoContent)
		}
		mustCount(t, s, 1, `kept WHERE name = 'once'`)
		mustCount(t, s, 1, `inbox WHERE event_id = ? AND consumer = 'account-keep'`, e.ID[:])
		mustCount(t, s, 1, `outbox WHERE payload LIKE '%once%'`)
	})

	t.Run("takes effect once when it is delivered many times at once", func(t *testing.T) {
		t.Parallel()
		e := made(t, "in parallel", false)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				if answer := s.Deliver(t, "account-keep", e); answer.Status != http.StatusNoContent {
					t.Errorf("got %d: %s", answer.Status, answer.Body)
				}
			})
		}
		all.Wait()
		mustCount(t, s, 1, `kept WHERE name = 'in parallel'`)
	})

	t.Run("that fails is a 500 without the cause, and leaves nothing behind", func(t *testing.T) {
		t.Parallel()
		e := made(t, "failed", true)
		trace, _ := newTrace()
		e.Traceparent = "00-" + trace + "-00f067aa0ba902b7-01"
		answer := s.Deliver(t, "account-keep", e)
		answer.MustBeProblem(t, http.StatusInternalServerError, "internal")
		if strings.Contains(string(answer.Body), "hunter2") {
			t.Errorf("got %s", answer.Body)
		}
		line := MustLine(t, trace, "the event failed")
		if text, _ := line["error"].(string); !strings.Contains(text, errInside.Error()) || line["event"] != e.ID.String() ||
			line["type"] != "account-made" || line["attempt"] != 1.0 || line["severity"] != "ERROR" {
			t.Errorf("logged was %v", line)
		}
		mustCount(t, s, 0, `kept WHERE name = 'failed'`)
		mustCount(t, s, 0, `inbox WHERE event_id = ?`, e.ID[:])
		mustCount(t, s, 0, `outbox WHERE payload LIKE '%failed%'`)
	})

	t.Run("that failed is taken when it comes again", func(t *testing.T) {
		t.Parallel()
		e := made(t, "in the end", true)
		s.Deliver(t, "account-keep", e).MustBe(t, http.StatusInternalServerError)
		e.Payload = made(t, "in the end", false).Payload
		s.Deliver(t, "account-keep", e).MustBe(t, http.StatusNoContent)
		mustCount(t, s, 1, `kept WHERE name = 'in the end'`)
	})

	t.Run("goes on in the trace of its message, not of the request, and passes it on", func(t *testing.T) {
		t.Parallel()
		e := made(t, "traced", false)
		trace, _ := newTrace()
		e.Traceparent = "00-" + trace + "-00f067aa0ba902b7-01"
		s.Deliver(t, "account-keep", e).MustBe(t, http.StatusNoContent)
		line := MustLine(t, trace, "account-keep")
		if request, _ := line["httpRequest"].(map[string]any); request["status"] != 204.0 {
			t.Errorf("logged was %v", line)
		}
		mustCount(t, s, 1, `outbox WHERE payload LIKE '%traced%' AND traceparent LIKE ?`, "00-"+trace+"-%")
	})

	t.Run("of a type that the function does not take is refused, and has no effect", func(t *testing.T) {
		t.Parallel()
		e := made(t, "stray", false)
		e.Type = "account-gone"
		s.Deliver(t, "account-keep", e).MustBe(t, http.StatusInternalServerError)
		mustCount(t, s, 0, `kept WHERE name = 'stray'`)
		mustCount(t, s, 0, `inbox WHERE event_id = ?`, e.ID[:])
	})

	t.Run("whose payload is no JSON, or of another form, is refused", func(t *testing.T) {
		t.Parallel()
		for _, payload := range []string{``, `{`, `[]`, `{"name": 7}`} {
			e := made(t, "", false)
			e.Payload = []byte(payload)
			s.Deliver(t, "account-keep", e).MustBe(t, http.StatusInternalServerError)
			mustCount(t, s, 0, `inbox WHERE event_id = ?`, e.ID[:])
		}
	})
}

func TestPushRequest(t *testing.T) {
	t.Parallel()
	s := start(t)
	push := func(t *testing.T, body string) (functiontest.Response, string) {
		t.Helper()
		trace, header := newTrace()
		return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/account-keep", Token: s.Tokens.Push(t), Header: header, Body: body}), trace
	}

	t.Run("that is none is a 400", func(t *testing.T) {
		t.Parallel()
		for _, body := range []string{``, `hello`, `[]`, `{"message": "hello"}`, `{"message": {"data": "no base64"}}`} {
			answer, _ := push(t, body)
			answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})

	t.Run("without an envelope is a 400, and a line that names the message", func(t *testing.T) {
		t.Parallel()
		answer, trace := push(t, `{"message": {"messageId": "7", "data": ""}, "subscription": "s", "deliveryAttempt": 3}`)
		answer.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if line := MustLine(t, trace, "the message has no envelope"); line["messageId"] != "7" || line["subscription"] != "s" || line["attempt"] != 3.0 {
			t.Errorf("logged was %v", line)
		}
	})

	t.Run("to a scheduled function runs it", func(t *testing.T) {
		t.Parallel()
		tick := functiontest.NewEvent(t, "account-sweep", map[string]any{})
		tick.AggregateID = uuid.Nil
		s.Deliver(t, "account-sweep", tick).MustBe(t, http.StatusNoContent)
		mustCount(t, s, 1, `kept WHERE name = 'swept'`)
	})

	t.Run("to a scheduled function, as Cloud Scheduler makes it, runs it", func(t *testing.T) {
		t.Parallel()
		// An own server: the table is counted above.
		s := start(t)
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/account-sweep", Token: s.Tokens.Push(t), Body: `{
			"message": {"attributes": {"type": "schedule-due"}, "messageId": "15530182103452",
				"message_id": "15530182103452", "publishTime": "2026-11-22T10:00:00.102Z"},
			"subscription": "projects/p/subscriptions/account-sweep.account-sweep", "deliveryAttempt": 1}`}).MustBe(t, http.StatusNoContent)
		mustCount(t, s, 1, `kept WHERE name = 'swept'`)
	})
}

package user

import (
	"net/http"
	"testing"

	"souk/shared/function/functiontest"
)

func TestOutbox(t *testing.T) {
	t.Parallel()
	s := open(t)
	t.Run("the scheduler may call it", func(t *testing.T) {
		t.Parallel()
		s.Deliver(t, "user-outbox", functiontest.NewEvent(t, "user-outbox", object{})).MustBe(t, http.StatusNoContent)
	})
	t.Run("other callers are rejected", func(t *testing.T) {
		t.Parallel()
		_, customer := s.Tokens.Customer(t)
		for _, token := range []string{"", customer, s.Tokens.Admin(t)} {
			s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/user-outbox", Token: token, Body: object{}}).
				MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		}
	})
}

package user

import (
	"net/http"
	"testing"

	"souk/shared/function/functiontest"
)

func TestRequestPasswordReset(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	request := func(t *testing.T, body any) functiontest.Response {
		t.Helper()
		return s.post(t, "/v1/password-resets", body)
	}

	t.Run("the response and the stored reset do not depend on whether there is an account", func(t *testing.T) {
		t.Parallel()
		for i, email := range []string{ada.Email, "missing@example.com"} {
			got := request(t, object{"email": email}).MustBe(t, http.StatusAccepted)
			if len(got.Body) != 0 {
				t.Errorf("the body for %s is %s", email, got.Body)
			}
			if n := s.mustCount(t, `SELECT COUNT(*) FROM password_reset WHERE email_key = ? AND token_hash IS NULL`, email); n != 1 {
				t.Errorf("%d resets of %s are stored, want 1", n, email)
			}
			if n := len(s.Published.Events("password-reset-requested")); n != i+1 {
				t.Errorf("%d events, want %d", n, i+1)
			}
		}
	})
	t.Run("an invalid request is rejected", func(t *testing.T) {
		t.Parallel()
		for _, body := range []object{{}, {"email": ""}, {"email": 1}, {"email": "no address"}, {"email": ada.Email, "name": "Ada"}} {
			request(t, body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}

package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

func TestResetPassword(t *testing.T) {
	t.Parallel()

	t.Run("the password is set once, logins and other tokens end, and the owner is mailed", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ada := s.mustRegister(t, "ada@example.com")
		login := s.mustSignIn(t, ada.Email)
		s.mustRequestReset(t, "ADA@example.com")
		other := s.lastToken(t, ada.Email)
		s.mustRequestReset(t, ada.Email)
		token := s.lastToken(t, ada.Email)
		s.reset(t, token, fixtures.NewPassword).MustBe(t, http.StatusNoContent)
		s.requireInvalidRefreshToken(t, login.RefreshToken)
		s.post(t, "/v1/sessions", fixtures.Login(ada.Email, fixtures.Password)).MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		s.post(t, "/v1/sessions", fixtures.Login(ada.Email, fixtures.NewPassword)).MustBe(t, http.StatusCreated)
		for _, spent := range []string{token, other} {
			s.reset(t, spent, "three red kettles").MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		}
		e := s.mustEvent(t, "password-changed", ada.ID)
		for range 2 {
			s.Deliver(t, "password-changed-mail", e).MustBe(t, http.StatusNoContent)
		}
		mails := s.Mail.To(ada.Email)
		if last := mails[len(mails)-1]; len(mails) != 4 || last.Subject != "Your password was changed" {
			t.Errorf("%d mails, the last is %s", len(mails), last.Subject)
		}
		if logs.Contains(token) || logs.Contains(other) {
			t.Error("a token is in the log")
		}
	})

	t.Run("a weak password is rejected and does not spend the token", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.mustRegister(t, "bea@example.com")
		s.mustRequestReset(t, "bea@example.com")
		token := s.lastToken(t, "bea@example.com")
		for _, weak := range []string{"", "short", "Password123", "bea@example.com", strings.Repeat("ab", 65)} {
			s.reset(t, token, weak).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.reset(t, token, fixtures.NewPassword).MustBe(t, http.StatusNoContent)
	})

	t.Run("all invalid tokens get the same response", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.mustRegister(t, "cid@example.com")
		s.mustRequestReset(t, "cid@example.com")
		expired := s.lastToken(t, "cid@example.com")
		s.mustExec(t, `UPDATE password_reset SET expires_at = ?`, time.Now().UTC())
		unknown := s.reset(t, strings.Repeat("A", 43), fixtures.NewPassword)
		got := s.reset(t, expired, fixtures.NewPassword)
		got.MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		if withoutTrace(t, got) != withoutTrace(t, unknown) {
			t.Errorf("got %s, want %s", got.Body, unknown.Body)
		}
	})
}

// One of several concurrent uses of a token sets the password.
func TestResetPasswordRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustRegister(t, "ada@example.com")
	s.mustRequestReset(t, "ada@example.com")
	token := s.lastToken(t, "ada@example.com")
	statuses := make([]int, 8)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = s.reset(t, token, fixtures.NewPassword+string(rune('a'+i))).Status })
	}
	all.Wait()
	succeeded := 0
	for i, status := range statuses {
		if status == http.StatusNoContent {
			succeeded++
			s.post(t, "/v1/sessions", object{"email": "ada@example.com", "password": fixtures.NewPassword + string(rune('a'+i))}).MustBe(t, http.StatusCreated)
		} else if status != http.StatusBadRequest {
			t.Errorf("got %d", status)
		}
	}
	if succeeded != 1 {
		t.Errorf("%d of %d set the password, want 1", succeeded, len(statuses))
	}
}

func TestPruneMail(t *testing.T) {
	t.Parallel()
	s := open(t)
	expired, valid := s.mustRequestAccount(t, fixtures.Registration("expired@example.com")), s.mustRequestAccount(t, fixtures.Registration("valid@example.com"))
	s.mustToken(t, expired)
	s.post(t, "/v1/password-resets", object{"email": "expired@example.com"}).MustBe(t, http.StatusAccepted)
	past := time.Now().UTC().Add(-time.Second)
	s.mustExec(t, `UPDATE registration SET expires_at = ? WHERE id = ?`, past, expired.ID[:])
	s.mustExec(t, `UPDATE password_reset SET expires_at = ?`, past)
	s.mustExec(t, `UPDATE mail_quota SET spent_until = ?`, past)
	s.Deliver(t, "user-outbox", functiontest.NewEvent(t, "user-outbox", object{})).MustBe(t, http.StatusNoContent)
	for query, want := range map[string]int{
		`SELECT COUNT(*) FROM registration`: 1, `SELECT COUNT(*) FROM password_reset`: 0, `SELECT COUNT(*) FROM mail_quota`: 0,
	} {
		if n := s.mustCount(t, query); n != want {
			t.Errorf("%s is %d, want %d", query, n, want)
		}
	}
	s.mustToken(t, valid)
}

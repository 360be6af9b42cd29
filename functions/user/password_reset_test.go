package user

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

// mustAskReset asks for a reset, and has it mailed.
func (s server) mustAskReset(t *testing.T, email string) {
	t.Helper()
	known := map[uuid.UUID]bool{}
	for _, e := range s.Topics.Of("password-reset-requested") {
		known[e.ID] = true
	}
	got := s.post(t, "/v1/password-resets", object{"email": email}).MustBe(t, http.StatusAccepted)
	if len(got.Body) != 0 {
		t.Errorf("it answers %s", got.Body)
	}
	events := s.Topics.Of("password-reset-requested")
	if len(events) != len(known)+1 {
		t.Fatalf("%d events, want one more than %d", len(events), len(known))
	}
	s.Deliver(t, "password-reset-mail", events[len(known)]).MustBe(t, http.StatusNoContent)
}

func (s server) reset(t *testing.T, token, password string) functiontest.Response {
	t.Helper()
	return s.post(t, "/v1/password-resets/confirm", object{"token": token, "newPassword": password})
}

// lastToken returns the token of the newest mail to an address.
func (s server) lastToken(t *testing.T, email string) string {
	t.Helper()
	letters := s.Mail.To(email)
	return tokenIn(t, letters[len(letters)-1].Text)
}

func TestResetPassword(t *testing.T) {
	t.Parallel()

	t.Run("sets the password, once, ends every login and other token, and tells", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		ada := s.mustRegister(t, "ada@example.com")
		login := s.mustSignIn(t, ada.Email)
		s.mustAskReset(t, "ADA@example.com")
		other := s.lastToken(t, ada.Email)
		s.mustAskReset(t, ada.Email)
		token := s.lastToken(t, ada.Email)
		s.reset(t, token, newPassword).MustBe(t, http.StatusNoContent)
		s.mustBeSpent(t, login.RefreshToken)
		s.post(t, "/v1/sessions", object{"email": ada.Email, "password": goodPassword}).MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		s.post(t, "/v1/sessions", object{"email": ada.Email, "password": newPassword}).MustBe(t, http.StatusCreated)
		for _, spent := range []string{token, other} {
			s.reset(t, spent, "three red kettles").MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		}
		e := s.mustEvent(t, "password-changed", ada.ID)
		for range 2 {
			s.Deliver(t, "password-changed-mail", e).MustBe(t, http.StatusNoContent)
		}
		letters := s.Mail.To(ada.Email)
		if last := letters[len(letters)-1]; len(letters) != 4 || last.Subject != "Your password was changed" {
			t.Errorf("%d mails, the last is %s", len(letters), last.Subject)
		}
		if logs.Contains(token) || logs.Contains(other) {
			t.Error("a token is in the log")
		}
	})

	t.Run("does the same for an address without an account, and mails nobody", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.mustAskReset(t, "nobody@example.com")
		if n := len(s.Mail.To("nobody@example.com")); n != 0 {
			t.Errorf("%d mails", n)
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM password_reset`); n != 0 {
			t.Errorf("%d resets are kept", n)
		}
		s.post(t, "/v1/password-resets", object{"email": "nobody"}).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("refuses a weak password, and keeps the token", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.mustRegister(t, "bea@example.com")
		s.mustAskReset(t, "bea@example.com")
		token := s.lastToken(t, "bea@example.com")
		for _, weak := range []string{"", "short", "Password123", "bea@example.com", strings.Repeat("ab", 65)} {
			s.reset(t, token, weak).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
		s.reset(t, token, newPassword).MustBe(t, http.StatusNoContent)
	})

	t.Run("says the same of every token that opens nothing", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.mustRegister(t, "cid@example.com")
		s.mustAskReset(t, "cid@example.com")
		expired := s.lastToken(t, "cid@example.com")
		s.mustExec(t, `UPDATE password_reset SET expires_at = ?`, time.Now().UTC())
		unknown := s.reset(t, strings.Repeat("A", 43), newPassword)
		got := s.reset(t, expired, newPassword)
		got.MustBeProblem(t, http.StatusBadRequest, "invalid_token")
		if withoutTrace(t, got) != withoutTrace(t, unknown) {
			t.Errorf("got %s, want %s", got.Body, unknown.Body)
		}
	})

	t.Run("mails an address no more than its share", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.mustRegister(t, "dan@example.com")
		for range passwordResetQuota.burst + 2 {
			s.mustAskReset(t, "dan@example.com")
		}
		if n := len(s.Mail.To("dan@example.com")); n != 1+passwordResetQuota.burst {
			t.Errorf("%d mails, want the registration's and %d", n, passwordResetQuota.burst)
		}
		s.reset(t, s.lastToken(t, "dan@example.com"), newPassword).MustBe(t, http.StatusNoContent)
	})
}

// Of many who use one token at once, one sets the password.
func TestResetPasswordRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustRegister(t, "ada@example.com")
	s.mustAskReset(t, "ada@example.com")
	token := s.lastToken(t, "ada@example.com")
	statuses := make([]int, 8)
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() { statuses[i] = s.reset(t, token, newPassword+string(rune('a'+i))).Status })
	}
	all.Wait()
	won := 0
	for i, status := range statuses {
		if status == http.StatusNoContent {
			won++
			s.post(t, "/v1/sessions", object{"email": "ada@example.com", "password": newPassword + string(rune('a'+i))}).MustBe(t, http.StatusCreated)
		} else if status != http.StatusBadRequest {
			t.Errorf("got %d", status)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d set the password, want 1", won, len(statuses))
	}
}

func TestPruneMail(t *testing.T) {
	t.Parallel()
	s := open(t)
	old, young := s.mustAsk(t, registration("old@example.com")), s.mustAsk(t, registration("young@example.com"))
	s.mustToken(t, old)
	s.post(t, "/v1/password-resets", object{"email": "old@example.com"}).MustBe(t, http.StatusAccepted)
	past := time.Now().UTC().Add(-time.Second)
	s.mustExec(t, `UPDATE registration SET expires_at = ? WHERE id = ?`, past, old.ID[:])
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
	s.mustToken(t, young)
}

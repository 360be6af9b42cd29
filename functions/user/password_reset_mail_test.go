package user

import (
	"net/http"
	"testing"

	"souk/functions/fixtures"
)

func TestMailPasswordReset(t *testing.T) {
	t.Parallel()

	t.Run("an address without an account gets no mail, and its reset is deleted", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.mustRequestReset(t, "missing@example.com")
		if n := len(s.Mail.To("missing@example.com")); n != 0 {
			t.Errorf("%d mails", n)
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM password_reset`); n != 0 {
			t.Errorf("%d resets are stored", n)
		}
	})

	t.Run("an address gets no more mails than its quota", func(t *testing.T) {
		t.Parallel()
		s := open(t)
		s.mustRegister(t, "dan@example.com")
		for range passwordResetQuota.burst + 2 {
			s.mustRequestReset(t, "dan@example.com")
		}
		if n := len(s.Mail.To("dan@example.com")); n != 1+passwordResetQuota.burst {
			t.Errorf("%d mails, want the registration's and %d", n, passwordResetQuota.burst)
		}
		s.reset(t, s.lastToken(t, "dan@example.com"), fixtures.NewPassword).MustBe(t, http.StatusNoContent)
	})
}

package user

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

func TestMailPasswordChange(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("the owner gets one mail for repeated deliveries", func(t *testing.T) {
		t.Parallel()
		ada := s.mustRegister(t, "ada@example.com")
		e := functiontest.NewEvent(t, "password-changed", object{"userId": ada.ID})
		for range 2 {
			s.Deliver(t, "password-changed-mail", e).MustBe(t, http.StatusNoContent)
		}
		mails := s.Mail.To(ada.Email)
		if last := mails[len(mails)-1]; len(mails) != 2 || last.Subject != "Your password was changed" {
			t.Errorf("%d mails, the last is %s; want the registration's and one", len(mails), last.Subject)
		}
	})
	t.Run("no mail is sent for a deleted account", func(t *testing.T) {
		t.Parallel()
		e := functiontest.NewEvent(t, "password-changed", object{"userId": uuid.New()})
		s.Deliver(t, "password-changed-mail", e).MustBe(t, http.StatusNoContent)
		if n := s.mustCount(t, `SELECT COUNT(*) FROM mail_delivery WHERE event_id = ?`, e.ID[:]); n != 0 {
			t.Errorf("%d deliveries remain", n)
		}
	})
}

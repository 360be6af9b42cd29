package user

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/function/functiontest"
)

func TestChallengePasskey(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	ada := s.mustRegister(t, "ada@example.com")
	login := s.mustSignIn(t, ada.Email)

	t.Run("the user must be verified, and no account is named to sign in", func(t *testing.T) {
		t.Parallel()
		var signIn struct {
			UserVerification, RPID string
			AllowCredentials       []any
		}
		if err := json.Unmarshal(s.mustBeginPasskey(t, "", purposeSignIn).Options, &signIn); err != nil {
			t.Fatal(err)
		}
		if signIn.UserVerification != "required" || signIn.RPID != passkeyDomain || len(signIn.AllowCredentials) != 0 {
			t.Errorf("got %+v", signIn)
		}
	})

	t.Run("a registration needs a recent login", func(t *testing.T) {
		t.Parallel()
		s.beginPasskey(t, "", purposeRegistration).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.beginPasskey(t, s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer}), purposeRegistration).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
		s.beginPasskey(t, s.Token(t, auth.Principal{UserID: ada.ID, Role: auth.Customer}), purposeRegistration).MustBeProblem(t, http.StatusUnauthorized, "recent_login_required")
		s.mustBeginPasskey(t, login.AccessToken, purposeRegistration)
	})

	t.Run("a shop without a domain has no passkeys", func(t *testing.T) {
		t.Parallel()
		off := openWith(t, config.Environment{"USER_PASSKEY_DOMAIN": ""})
		off.beginPasskey(t, "", purposeSignIn).MustBeProblem(t, http.StatusConflict, "passkeys_off")
	})
}

func TestPruneChallenges(t *testing.T) {
	t.Parallel()
	s := openFactors(t, nil)
	s.mustBeginPasskey(t, "", purposeSignIn)
	s.clock.advance(challengeTTL + time.Second)
	s.Deliver(t, "user-outbox", functiontest.NewEvent(t, "user-outbox", object{})).MustBe(t, http.StatusNoContent)
	if n := s.mustCount(t, `SELECT COUNT(*) FROM sign_in_challenge`); n != 0 {
		t.Errorf("%d expired challenges remain", n)
	}
}

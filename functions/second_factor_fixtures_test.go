package functions_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"
	"github.com/google/uuid"
	"github.com/pquerna/otp/totp"

	"souk/functions/fixtures"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

// secondFactorKey encrypts the secrets of authenticator apps in tests, and passkeySite is the
// site of passkeys.
var (
	secondFactorKey = strings.Repeat("f", 32)
	passkeySite     = virtualwebauthn.RelyingParty{ID: "localhost", Name: "Souk", Origin: "http://localhost"}
)

func mustExecute(t testing.TB, s *functiontest.Server, statement string, args ...any) {
	t.Helper()
	if _, err := s.DB.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// mustCall sends a POST with a token and decodes the response.
func mustCall(t testing.TB, s *functiontest.Server, path, token string, body, response any) {
	t.Helper()
	got := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Token: token, Body: body})
	requireSuccess(t, got)
	mustDecode(t, got.Body, response)
}

// mustForgetFactors removes the second factor of an account, without an event.
func mustForgetFactors(t testing.TB, s *functiontest.Server, owner account) {
	t.Helper()
	for _, table := range []string{"totp", "passkey", "recovery_code"} {
		mustExecute(t, s, `DELETE FROM `+table+` WHERE user_id = ?`, owner.id[:])
	}
	mustExecute(t, s, `UPDATE user SET second_factor = FALSE WHERE id = ?`, owner.id[:])
}

// mustSetUpApp sets up an authenticator app of an account without a second factor, and returns
// its secret.
func mustSetUpApp(t testing.TB, s *functiontest.Server, owner account) string {
	t.Helper()
	mustForgetFactors(t, s, owner)
	var created struct{ Secret string }
	mustCall(t, s, "/v1/users/me/totp", owner.token, nil, &created)
	return created.Secret
}

func mustCode(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, at)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func totpConfirmBody(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	return object{"code": mustCode(t, mustSetUpApp(t, s, by), time.Now())}
}

// enrolled is a new account with an authenticator app, and the challenge of a sign-in.
type enrolled struct {
	email, secret, challenge string
	recoveryCodes            []string
}

func mustEnrol(t testing.TB, s *functiontest.Server) enrolled {
	t.Helper()
	owner := mustSignIn(t, s, auth.Customer)
	e := enrolled{secret: mustSetUpApp(t, s, owner)}
	var confirmed struct{ RecoveryCodes []string }
	mustCall(t, s, "/v1/users/me/totp/confirm", owner.token, object{"code": mustCode(t, e.secret, time.Now())}, &confirmed)
	e.recoveryCodes = confirmed.RecoveryCodes
	if err := s.DB.QueryRowContext(t.Context(), `SELECT email FROM user WHERE id = ?`, owner.id[:]).Scan(&e.email); err != nil {
		t.Fatal(err)
	}
	response := s.Do(t, fixtures.LogIn(e.email, fixtures.Password))
	response.MustBeProblem(t, http.StatusUnauthorized, "second_factor_required")
	var problem struct{ Challenge string }
	mustDecode(t, response.Body, &problem)
	e.challenge = problem.Challenge
	return e
}

func sessionConfirmBody(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	e := mustEnrol(t, s)
	// The code of the current step was used; that of the next is accepted, too.
	return object{"challenge": e.challenge, "code": mustCode(t, e.secret, time.Now().Add(30*time.Second))}
}

func recoveryBody(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	e := mustEnrol(t, s)
	return object{"challenge": e.challenge, "code": e.recoveryCodes[0]}
}

func enrolledLoginBody(t testing.TB, s *functiontest.Server, _ account) object {
	t.Helper()
	return fixtures.Login(mustEnrol(t, s).email, fixtures.Password)
}

// createTOTP stores a confirmed authenticator app, whose removal ends no session.
func createTOTP(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	mustForgetFactors(t, s, owner)
	id := uuid.New()
	now := time.Now().UTC()
	mustExecute(t, s, `
		INSERT INTO totp (user_id, id, secret, last_step, created_at, confirmed_at)
		VALUES (?, ?, '', 0, ?, ?)`, owner.id[:], id[:], now, now)
	return id
}

func createEnrolledAccount(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
	t.Helper()
	id := createAccount(t, s, owner)
	markEnrolled(t, s, account{id: id})
	return id
}

// markEnrolled lets an account have a second factor.
func markEnrolled(t testing.TB, s *functiontest.Server, owner account) {
	t.Helper()
	mustExecute(t, s, `UPDATE user SET second_factor = TRUE WHERE id = ?`, owner.id[:])
}

// passkeyBody returns the response of a new authenticator to a challenge of the caller.
func passkeyBody(t testing.TB, s *functiontest.Server, by account) object {
	t.Helper()
	mustForgetFactors(t, s, by)
	var ceremony struct {
		Challenge string
		Options   json.RawMessage
	}
	mustCall(t, s, "/v1/passkeys/challenges", by.token, object{"purpose": "registration"}, &ceremony)
	options, err := virtualwebauthn.ParseAttestationOptions(string(ceremony.Options))
	if err != nil {
		t.Fatal(err)
	}
	response := virtualwebauthn.CreateAttestationResponse(passkeySite, virtualwebauthn.NewAuthenticator(), fixtures.Passkey(), *options)
	return object{"challenge": ceremony.Challenge, "name": "Key ring", "passkey": response}
}

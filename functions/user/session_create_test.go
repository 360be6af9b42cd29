package user

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/user/internal/password"
	"souk/functions/user/internal/password/passwordhash"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

func TestCreateSession(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")

	t.Run("the tokens of a login are valid", func(t *testing.T) {
		t.Parallel()
		got := s.post(t, "/v1/sessions", object{"email": " ADA@example.com", "password": fixtures.Password})
		var issued tokens
		got.MustBe(t, http.StatusCreated).Into(t, &issued)
		if issued.TokenType != "Bearer" || issued.ExpiresIn != 900 {
			t.Fatalf("got type %q, expiry %d s; want Bearer, 900 s", issued.TokenType, issued.ExpiresIn)
		}
		if got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("got Cache-Control %q, want no-store", got.Header.Get("Cache-Control"))
		}
		var me User
		s.getMe(t, issued.AccessToken).MustBe(t, http.StatusOK).Into(t, &me)
		if me != ada {
			t.Fatalf("the token is for %+v, want %+v", me, ada)
		}
	})

	t.Run("only the hash of a refresh token is stored", func(t *testing.T) {
		t.Parallel()
		refreshToken := s.mustSignIn(t, "ada@example.com").RefreshToken
		if raw, err := base64.RawURLEncoding.DecodeString(refreshToken); err != nil || len(raw) != 32 {
			t.Fatalf("the token has %d bytes (%v), want 32", len(raw), err)
		}
		hash := sha256.Sum256([]byte(refreshToken))
		if n := s.mustCount(t, `SELECT COUNT(*) FROM session WHERE refresh_hash = ? AND user_id = ? AND family_id = id`, hash[:], ada.ID[:]); n != 1 {
			t.Fatalf("found %d sessions of the token, want 1", n)
		}
	})

	t.Run("a wrong password and a missing account get the same response", func(t *testing.T) {
		t.Parallel()
		wrong := s.post(t, "/v1/sessions", object{"email": "ada@example.com", "password": "seven green bicycleS"})
		unknown := s.post(t, "/v1/sessions", fixtures.Login("missing@example.com", fixtures.Password))
		impossible := s.post(t, "/v1/sessions", fixtures.Login("é", fixtures.Password))
		wrong.MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
		for _, other := range []functiontest.Response{unknown, impossible} {
			other.MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
			if withoutTrace(t, wrong) != withoutTrace(t, other) {
				t.Errorf("got %s, want %s", other.Body, wrong.Body)
			}
			if other.Header.Get("WWW-Authenticate") == "" {
				t.Error("a 401 without WWW-Authenticate")
			}
		}
	})

	t.Run("the password of another keyboard is accepted", func(t *testing.T) {
		t.Parallel()
		body := fixtures.Registration("angstrom@example.com")
		body["password"] = "\u00c5ngstr\u00f6m units" // Å and ö as one code point each
		s.mustRegisterAs(t, body)
		var issued tokens
		s.post(t, "/v1/sessions", object{
			"email": "angstrom@example.com", "password": "A\u030angstro\u0308m units", // and as two
		}).MustBe(t, http.StatusCreated).Into(t, &issued)
	})

	t.Run("expired sessions of the user are deleted", func(t *testing.T) {
		t.Parallel()
		bea, cid := s.mustRegister(t, "bea@example.com"), s.mustRegister(t, "cid@example.com")
		for _, u := range []User{bea, cid} {
			old, _, err := defaultSessions.open(u.ID, time.Now().UTC().Add(-sessionTTL))
			if err != nil {
				t.Fatal(err)
			}
			if inserted, err := insertSession(t.Context(), s.DB, old, credentials{PasswordVersion: 1}); err != nil || !inserted {
				t.Fatalf("got %t, %v", inserted, err)
			}
		}
		s.mustSignIn(t, "bea@example.com")
		s.mustSignIn(t, "bea@example.com")
		count := `SELECT COUNT(*) FROM session WHERE user_id = ?`
		if beas, cids := s.mustCount(t, count, bea.ID[:]), s.mustCount(t, count, cid.ID[:]); beas != 2 || cids != 1 {
			t.Fatalf("got %d and %d sessions, want 2 and 1", beas, cids)
		}
	})
}

func withoutTrace(t *testing.T, r functiontest.Response) string {
	t.Helper()
	var p struct{ TraceID string }
	if err := json.Unmarshal(r.Body, &p); err != nil {
		t.Fatalf("decode %s: %v", r.Body, err)
	}
	return strings.ReplaceAll(string(r.Body), p.TraceID, "")
}

func TestCreateSessionRehashesOldHashes(t *testing.T) {
	t.Parallel()
	s := open(t)
	older := argon2id.Params{Memory: 1 << 10, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	hash, err := argon2id.CreateHash(fixtures.Password, &older)
	if err != nil {
		t.Fatal(err)
	}
	u, err := newUser("ada@example.com", "Ada", auth.Customer, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	if err = insertUser(t.Context(), s.DB, u, hash); err != nil {
		t.Fatal(err)
	}
	mustHash := func() string {
		t.Helper()
		return s.mustSelectCredentials(t, "ada@example.com").PasswordHash
	}

	s.post(t, "/v1/sessions", object{"email": u.Email, "password": "wrong password"}).
		MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
	if mustHash() != hash {
		t.Fatal("a wrong password replaced the hash")
	}
	s.mustSignIn(t, u.Email)
	renewed := mustHash()
	params, _, _, err := argon2id.DecodeHash(renewed)
	if err != nil || *params != passwordhash.Params() {
		t.Fatalf("got parameters %+v, %v; want the current ones", params, err)
	}
	s.mustSignIn(t, u.Email)
	if mustHash() != renewed {
		t.Fatal("a hash with the current parameters was replaced")
	}
}

// A login whose password is changed while it is checked must not create a session.
func TestCreateSessionFailsAfterPasswordChange(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	credentials := s.mustSelectCredentials(t, "ada@example.com")
	if err := updateLogin(t.Context(), s.DB, ada.ID, auth.Customer, passwordhash.Placeholder(), time.Now().UTC()); err != nil {
		t.Fatal(err)
	}
	late, _, err := defaultSessions.open(ada.ID, time.Now().UTC())
	if err != nil {
		t.Fatal(err)
	}
	inserted, err := insertSession(t.Context(), s.DB, late, credentials)
	if err != nil || inserted {
		t.Fatalf("got inserted %t, %v; want no session", inserted, err)
	}
	if err = updatePasswordHash(t.Context(), s.DB, ada.ID, credentials.PasswordVersion, "old password's"); err != nil {
		t.Fatal(err)
	}
	if s.mustSelectCredentials(t, "ada@example.com").PasswordHash != passwordhash.Placeholder() {
		t.Fatal("the hash of the old password was restored")
	}
}

// Equal work cannot be timed reliably. Instead the hasher has no slot, and every login must
// wait for it, with and without an account.
func TestCreateSessionTakesEqualWorkWithoutAnAccount(t *testing.T) {
	t.Parallel()
	db := dbtest.New(t, Migrations)
	if _, err := Seed(t.Context(), db, "ada@example.com", fixtures.Password, auth.Customer); err != nil {
		t.Fatal(err)
	}
	s := &service{
		Runtime:   &function.Runtime{DB: db, Now: clock.System},
		passwords: password.NewHasher(0, 1, time.Minute), // no slot at all
		login:     loginLimiter{db, clock.System, loginSettings{Window: time.Hour, Tries: 1, PerNetwork: 2, PerAccount: 1}},
	}
	for _, email := range []string{"ada@example.com", "missing@example.com"} {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		var in createSessionInput
		in.Body.Email, in.Body.Password = email, fixtures.Password
		if _, err := s.sessionCreate(ctx, &in); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: got %v, want it to wait", email, err)
		}
		cancel()
	}
}

func TestNewSessionsShareNothing(t *testing.T) {
	t.Parallel()
	first, firstToken, err := defaultSessions.open(uuid.New(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	second, secondToken, err := defaultSessions.open(first.UserID, first.CreatedAt)
	if err != nil {
		t.Fatal(err)
	}
	if first.ID == second.ID || first.FamilyID == second.FamilyID || firstToken == secondToken {
		t.Fatalf("got %+v and %+v", first, second)
	}
	if got := first.ExpiresAt.Sub(first.CreatedAt); got != 30*24*time.Hour {
		t.Fatalf("a session lasts %s, want 30 days", got)
	}
}

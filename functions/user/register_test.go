package user

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
	"souk/functions/user/internal/password/passwordhash"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("the registration is stored and no account is created", func(t *testing.T) {
		t.Parallel()
		before := time.Now().Truncate(time.Microsecond)
		r := s.mustRequestAccount(t, object{"email": " Ada@Example.com ", "password": fixtures.Password, "name": " Ada Lovelace "})
		want := Registration{ID: r.ID, Email: "Ada@Example.com", Name: "Ada Lovelace", CreatedAt: r.CreatedAt, ExpiresAt: r.CreatedAt.Add(registrationTTL)}
		if diff := cmp.Diff(want, r); diff != "" || r.ID.Version() != 7 || r.CreatedAt.Before(before) || r.CreatedAt.After(time.Now()) {
			t.Fatalf("want an id of version 7, created now; got %+v (-want +got):\n%s", r, diff)
		}
		var hash string
		if err := s.DB.QueryRowContext(t.Context(), `SELECT password_hash FROM registration WHERE id = ?`, r.ID[:]).Scan(&hash); err != nil {
			t.Fatal(err)
		}
		if same, outdated, err := passwordhash.Check(fixtures.Password, hash); err != nil || !same || outdated {
			t.Fatalf("got hash %q: same %t, outdated %t, %v", hash, same, outdated, err)
		}
		if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE id = ?`, r.ID[:]); n != 0 {
			t.Error("the account was created")
		}
		s.post(t, "/v1/sessions", fixtures.Login(r.Email, fixtures.Password)).MustBeProblem(t, http.StatusUnauthorized, "invalid_credentials")
	})

	t.Run("an address with an account gets the same response, in any case", func(t *testing.T) {
		t.Parallel()
		grace := s.mustRegister(t, "grace@example.com")
		for _, email := range []string{"grace@example.com", "GRACE@example.COM", " grace@example.com"} {
			r := s.mustRequestAccount(t, fixtures.Registration(email))
			if r.ID == grace.ID || r.Email != strings.TrimSpace(email) || s.mustCount(t, `SELECT COUNT(*) FROM registration WHERE id = ?`, r.ID[:]) != 1 {
				t.Errorf("got %+v", r)
			}
			s.mustEvent(t, "registration-requested", r.ID)
		}
	})

	t.Run("the role cannot be chosen", func(t *testing.T) {
		t.Parallel()
		body := fixtures.Registration("mallory@example.com")
		body["role"] = "admin"
		s.post(t, "/v1/users", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("all errors are reported together", func(t *testing.T) {
		t.Parallel()
		got := s.post(t, "/v1/users", object{"email": "no address", "password": "short", "name": " "})
		got.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if locations := strings.Join(errorLocations(t, got), " "); locations != "body.email body.name body.password" {
			t.Errorf("got errors at %s: %s", locations, got.Body)
		}
	})

	t.Run("a common password has its own code", func(t *testing.T) {
		t.Parallel()
		for _, password := range []string{"Passw0rd!", "summer2024", "Password1", "qwerty123", "12345678", "letmein1"} {
			body := fixtures.Registration("common@example.com")
			body["password"] = password
			got := s.post(t, "/v1/users", body)
			got.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			var p struct{ Errors []api.FieldError }
			if err := json.Unmarshal(got.Body, &p); err != nil || len(p.Errors) != 1 || p.Errors[0].Code != api.FieldCommonPassword {
				t.Errorf("%s: got %s, %v", password, got.Body, err)
			}
		}
	})

	for name, change := range map[string]object{
		"no e-mail address":            {"email": ""},
		"two addresses":                {"email": "a@example.com, b@example.com"},
		"an address with a name":       {"email": "Ada <ada@example.com>"},
		"a long address":               {"email": strings.Repeat("a", 250) + "@b.c"},
		"a password of 7 characters":   {"password": "sevench"},
		"a password of 129 characters": {"password": strings.Repeat("ab", 64) + "c"},
		"a common password":            {"password": "Password123"},
		"the address as the password":  {"email": "bob.roberts@example.com", "password": "Bob.Roberts@example.com"},
		"no name":                      {"name": ""},
		"a name with a line break":     {"name": "Ada\r\nBcc: all@example.com"},
	} {
		t.Run(name+" is rejected", func(t *testing.T) {
			t.Parallel()
			body := fixtures.Registration("refused@example.com")
			maps.Copy(body, change)
			got := s.post(t, "/v1/users", body)
			got.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			if locations := errorLocations(t, got); len(locations) != 1 {
				t.Fatalf("got errors at %v, want 1: %s", locations, got.Body)
			}
		})
	}

	t.Run("the length of a password is counted in characters", func(t *testing.T) {
		t.Parallel()
		for _, password := range []string{"pässwörtchen", strings.Repeat("路漫漫其修远兮吾", 16)} {
			body := fixtures.Registration("unicode" + string(rune('a'+len(password)%26)) + "@example.com")
			body["password"] = password
			s.mustRequestAccount(t, body)
		}
	})
}

// errorLocations returns the locations of the errors of a response, in order.
func errorLocations(t *testing.T, r functiontest.Response) []string {
	t.Helper()
	var p struct{ Errors []api.FieldError }
	if err := json.Unmarshal(r.Body, &p); err != nil {
		t.Fatalf("decode %s: %v", r.Body, err)
	}
	var locations []string
	for _, e := range p.Errors {
		locations = append(locations, e.Location)
	}
	return locations
}

package user

import (
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func TestRegister(t *testing.T) {
	t.Parallel()
	s := open(t)

	t.Run("opens the account of a customer", func(t *testing.T) {
		t.Parallel()
		before := time.Now().Truncate(time.Microsecond)
		got := s.post(t, "/v1/users", object{
			"email": " Ada@Example.com ", "password": goodPassword, "name": " Ada Lovelace ",
		})
		var u User
		got.MustBe(t, http.StatusCreated).Into(t, &u)
		want := User{
			ID: u.ID, Email: "Ada@Example.com", Name: "Ada Lovelace", Role: auth.Customer,
			Version: 1, CreatedAt: u.CreatedAt, UpdatedAt: u.CreatedAt,
		}
		if u != want || u.ID.Version() != 7 || u.CreatedAt.Before(before) || u.CreatedAt.After(time.Now()) {
			t.Fatalf("got %+v, want %+v with an id of version 7, made now", u, want)
		}
		if got.Header.Get("Location") != "/v1/users/me" || got.Header.Get("ETag") != `"1"` {
			t.Fatalf("got headers %v", got.Header)
		}
		var hash string
		if err := s.DB.QueryRowContext(t.Context(), `SELECT password_hash FROM user WHERE id = ?`, u.ID[:]).Scan(&hash); err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Fatalf("got hash %q, want argon2id with OWASP's parameters", hash)
		}
	})

	t.Run("refuses an address that has an account, however it is typed", func(t *testing.T) {
		t.Parallel()
		s.mustRegister(t, "grace@example.com")
		for _, email := range []string{"grace@example.com", "GRACE@example.COM", " grace@example.com"} {
			s.post(t, "/v1/users", registration(email)).MustBeProblem(t, http.StatusConflict, "email_taken")
		}
	})

	t.Run("lets nobody choose their role", func(t *testing.T) {
		t.Parallel()
		body := registration("mallory@example.com")
		body["role"] = "admin"
		s.post(t, "/v1/users", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("tells every fault at once", func(t *testing.T) {
		t.Parallel()
		got := s.post(t, "/v1/users", object{"email": "nobody", "password": "short", "name": " "})
		got.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		if faults := strings.Join(faultsOf(t, got), " "); faults != "body.password body.email body.name" {
			t.Errorf("got faults at %s: %s", faults, got.Body)
		}
	})

	for name, change := range map[string]object{
		"no e-mail address":              {"email": ""},
		"two addresses":                  {"email": "a@example.com, b@example.com"},
		"an address with a name":         {"email": "Ada <ada@example.com>"},
		"too long an address":            {"email": strings.Repeat("a", 250) + "@b.c"},
		"a password of 7 characters":     {"password": "sevench"},
		"a password of 129 characters":   {"password": strings.Repeat("ab", 64) + "c"},
		"a password that everybody uses": {"password": "Password123"},
		"the address as the password":    {"email": "bob.roberts@example.com", "password": "Bob.Roberts@example.com"},
		"no name":                        {"name": ""},
		"a name with a line break":       {"name": "Ada\r\nBcc: all@example.com"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			body := registration("refused@example.com")
			maps.Copy(body, change)
			got := s.post(t, "/v1/users", body)
			got.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			if faults := faultsOf(t, got); len(faults) != 1 {
				t.Fatalf("got faults at %v, want 1: %s", faults, got.Body)
			}
		})
	}

	t.Run("counts characters, not bytes", func(t *testing.T) {
		t.Parallel()
		for _, password := range []string{"pässwörtchen", strings.Repeat("路漫漫其修远兮吾", 16)} {
			body := registration("unicode" + string(rune('a'+len(password)%26)) + "@example.com")
			body["password"] = password
			var u User
			s.post(t, "/v1/users", body).MustBe(t, http.StatusCreated).Into(t, &u)
		}
	})
}

// faultsOf returns where an answer finds faults, in order.
func faultsOf(t *testing.T, r functiontest.Response) []string {
	t.Helper()
	var p struct{ Errors []api.FieldError }
	if err := json.Unmarshal(r.Body, &p); err != nil {
		t.Fatalf("decode %s: %v", r.Body, err)
	}
	var at []string
	for _, fault := range p.Errors {
		at = append(at, fault.Location)
	}
	return at
}

func TestRegisterRace(t *testing.T) {
	t.Parallel()
	s := open(t)
	var created, taken atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch got := s.post(t, "/v1/users", registration("ada@example.com")); got.Status {
			case http.StatusCreated:
				created.Add(1)
			case http.StatusConflict:
				taken.Add(1)
			default:
				t.Errorf("got status %d: %s", got.Status, got.Body)
			}
		})
	}
	wg.Wait()
	if created.Load() != 1 || taken.Load() != 7 {
		t.Fatalf("%d of 8 registrations of one address succeeded and %d found it taken; want 1 and 7", created.Load(), taken.Load())
	}
}

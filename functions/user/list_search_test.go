package user

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions/user/internal/password/passwordhash"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/function/functiontest"
)

// mustInsert creates accounts, each with an address and a name.
func (s server) mustInsert(t *testing.T, accounts ...[2]string) []User {
	t.Helper()
	var users []User
	for _, a := range accounts {
		u, err := newUser(a[0], a[1], auth.Customer, clock.System())
		if err != nil {
			t.Fatal(err)
		}
		if err := insertUser(t.Context(), s.DB, u, passwordhash.Placeholder()); err != nil {
			t.Fatal(err)
		}
		users = append(users, u)
	}
	return users
}

// mustFind returns the addresses of the accounts that a search finds, page by page.
func (s server) mustFind(t *testing.T, token, q string, pageSize int) string {
	t.Helper()
	var found []string
	query := url.Values{"q": {q}, "pageSize": {fmt.Sprint(pageSize)}}
	for range 50 {
		var page api.Page[User]
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users?" + query.Encode(), Token: token}).MustBe(t, http.StatusOK).Into(t, &page)
		for _, u := range page.Items {
			address, _, _ := strings.Cut(u.Email, "@")
			found = append(found, address)
		}
		if page.NextPageToken == "" {
			return strings.Join(found, " ")
		}
		query.Set("pageToken", page.NextPageToken)
	}
	t.Fatal("the pages do not end")
	return ""
}

func TestListSearch(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin := s.Tokens.Admin(t)
	s.mustInsert(t, [][2]string{
		{"amira.haddad@example.com", "Amira Haddad"}, {"Amira@example.com", "Amira Béla Okafor"}, {"bela@example.org", "Béla Kovács"},
		{"zoe@example.com", "Zoe Amira"}, {"h@example.com", "Haddad, Amira"}, {"c%d_e@example.com", "%"},
	}...)
	for q, want := range map[string]string{
		"amira":              "amira.haddad Amira h zoe",
		"AMIRA":              "amira.haddad Amira h zoe",
		"amira@":             "Amira",
		"amira@example.com":  "Amira",
		"Amira.Haddad@Examp": "amira.haddad",
		"haddad amira":       "h amira.haddad",
		"kovacs":             "bela",
		"bela":               "bela Amira",
		"b":                  "bela",
		"amir okafor":        "",
		"c%":                 "c%d_e",
		"%":                  "",
		"_":                  "",
		" zoe ":              "zoe",
		"coffee":             "",
	} {
		t.Run(fmt.Sprintf("%q finds %q", q, want), func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 2, 100} {
				if got := s.mustFind(t, admin, q, size); got != want {
					t.Errorf("in pages of %d: %q", size, got)
				}
			}
		})
	}
	t.Run("the page token of another search is rejected", func(t *testing.T) {
		t.Parallel()
		var page api.Page[User]
		list := func(query string) functiontest.Response {
			return s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users" + query, Token: admin})
		}
		list("?pageSize=1&q=amira").MustBe(t, http.StatusOK).Into(t, &page)
		for _, query := range []string{"?", "?q=bela&"} {
			list(query+"pageToken="+page.NextPageToken).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}

// TestSearchByNameIsBounded requires that a search of rare accounts among many reads a bounded number of
// words, and continues.
func TestSearchByNameIsBounded(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.mustInsert(t, [2]string{"first@example.com", "Amira Haddad"})
	s.mustExec(t, `INSERT INTO user (id, email, email_key, password_hash, password_version, name, words_version, role, version, created_at, updated_at)
		SELECT UNHEX(CONCAT('F', LPAD(HEX(a.n * 90 + b.n), 31, '0'))), CONCAT(a.n, '.', b.n, '@example.com'), CONCAT(a.n, '.', b.n, '@example.com'), '', 1, 'Amira', 1, 'customer', 1, NOW(), NOW()
		FROM (`+numbers(90)+`) a CROSS JOIN (`+numbers(90)+`) b`)
	s.mustExec(t, `INSERT INTO user_word (word, user_id) SELECT 'amira', id FROM user WHERE email <> 'first@example.com'`)
	var page api.Page[User]
	pages := 0
	for query := "?q=amira+haddad"; ; query = "?q=amira+haddad&pageToken=" + page.NextPageToken {
		page.NextPageToken = ""
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/users" + query, Token: s.Tokens.Admin(t)}).MustBe(t, http.StatusOK).Into(t, &page)
		if pages++; page.NextPageToken == "" {
			break
		}
	}
	if len(page.Items) != 1 || page.Items[0].Name != "Amira Haddad" {
		t.Errorf("after %d pages found %+v", pages, page.Items)
	}
	users, end, err := selectUsersByName(t.Context(), s.DB, nameSearch{words: []string{"amira"}, address: "8", before: uuid.Max}, nameScanLimit)
	if err != nil || end == uuid.Nil || len(users) >= nameScanLimit {
		t.Errorf("found %d accounts up to %s: %v", len(users), end, err)
	}
}

// numbers returns a query for the numbers from 0.
func numbers(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf("SELECT %d AS n", i)
	}
	return strings.Join(all, " UNION ALL ")
}

// TestIndexUsers requires that a sweep writes the words of accounts of an older version, and that a changed
// name is found by its new words only.
func TestIndexUsers(t *testing.T) {
	t.Parallel()
	s := open(t)
	admin := s.Tokens.Admin(t)
	users := s.mustInsert(t, [2]string{"a@example.com", "Amira"}, [2]string{"b@example.com", "Bela"})
	s.mustExec(t, `DELETE FROM user_word`)
	s.mustExec(t, `UPDATE user SET words_version = 0`)
	s.Deliver(t, "user-outbox", functiontest.NewEvent(t, "user-outbox", object{})).MustBe(t, http.StatusNoContent)
	if got := s.mustFind(t, admin, "amira", 10); got != "a" {
		t.Errorf("after the sweep found %q", got)
	}
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user WHERE words_version <> ?`, wordsVersion); n != 0 {
		t.Errorf("%d accounts are without words", n)
	}
	token := s.Token(t, auth.Principal{UserID: users[0].ID, Role: auth.Customer})
	s.Do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/users/me", Token: token, Header: map[string]string{"If-Match": "*"}, Body: object{"name": "Cleo"}}).
		MustBe(t, http.StatusOK)
	for q, want := range map[string]string{"amira": "", "cleo": "a", "bela": "b"} {
		if got := s.mustFind(t, admin, q, 10); got != want {
			t.Errorf("%q finds %q, want %q", q, got, want)
		}
	}
	s.mustExec(t, `DELETE FROM user WHERE id = ?`, users[0].ID[:])
	if n := s.mustCount(t, `SELECT COUNT(*) FROM user_word WHERE user_id = ?`, users[0].ID[:]); n != 0 {
		t.Errorf("%d words of a deleted account remain", n)
	}
}

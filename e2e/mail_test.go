package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions/user"
	"souk/shared/function/functiontest"
)

const password = "seven green lanterns"

// letter is a mail as the mail emulator shows it.
type letter struct {
	Text, HTML string
}

var tokenForm = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

// token is the token in the mail.
func (l letter) token(t testing.TB) string {
	t.Helper()
	token := tokenForm.FindString(l.Text)
	if token == "" {
		t.Fatalf("no token is in the mail:\n%s", l.Text)
	}
	return token
}

// mails returns the mails to an address of which the subject has a part, newest
// first, once there is one.
func (s *system) mails(t testing.TB, to, subject string) []letter {
	t.Helper()
	var list struct{ Items []struct{ ID int } }
	query := url.Values{"to": {to}, "subject": {subject}, "wait": {"10"}}
	eventually(t, "a mail of "+subject, func() bool {
		s.getMail(t, "?"+query.Encode(), &list)
		return len(list.Items) > 0
	})
	letters := make([]letter, len(list.Items))
	for i, item := range list.Items {
		s.getMail(t, fmt.Sprintf("/%d", item.ID), &letters[i])
	}
	return letters
}

func (s *system) getMail(t testing.TB, path string, into any) {
	t.Helper()
	answer, err := http.Get(s.Mail.URL + "/api/messages" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", answer.StatusCode, err, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("read %s: %v", text, err)
	}
}

func (s *system) post(t testing.TB, path string, body any) functiontest.Response {
	t.Helper()
	return s.do(t, functiontest.Request{Method: http.MethodPost, Path: path, Body: body})
}

// mustRegister opens the account of a customer: it asks, reads the mail and confirms.
func (s *system) mustRegister(t testing.TB, email, password, name string) (account user.User) {
	t.Helper()
	s.post(t, "/v1/users", map[string]any{"email": email, "password": password, "name": name}).MustBe(t, http.StatusCreated)
	token := s.mails(t, email, "confirm")[0].token(t)
	s.canaries.plant(email, password, token)
	s.post(t, "/v1/email-verifications/confirm", map[string]any{"token": token, "password": password}).MustBe(t, http.StatusOK).Into(t, &account)
	return account
}

// TestMail goes the ways that lead through somebody's mailbox.
func TestMail(t *testing.T) {
	s := open(t)
	email := uuid.NewString() + "@example.com"
	s.mustRegister(t, email, password, "Amira")
	customer := s.mustLogIn(t, email, password)

	t.Run("who registers again is told in the mail alone", func(t *testing.T) {
		s.post(t, "/v1/users", map[string]any{"email": email, "password": password, "name": "Eve"}).MustBe(t, http.StatusCreated)
		if got := s.mails(t, email, "you have an account")[0]; tokenForm.MatchString(got.Text) {
			t.Errorf("a token is in\n%s", got.Text)
		}
	})

	t.Run("an order is told of once a step, with what was ordered", func(t *testing.T) {
		p := s.mustCreate(t, s.admin(t), s.customer(t), 5)
		s.place(t, customer, "wait=20", p.ID, 2).MustBe(t, http.StatusCreated)
		letters := s.mails(t, email, "confirmed")
		if len(letters) != 1 || !strings.Contains(letters[0].Text, "2 × Assam, 250 g") || !strings.Contains(letters[0].HTML, "25.98 EUR") {
			t.Errorf("got %d mails, %+v", len(letters), letters)
		}
	})

	t.Run("a password is set anew", func(t *testing.T) {
		const another = "nine blue umbrellas"
		s.post(t, "/v1/password-resets", map[string]any{"email": email}).MustBe(t, http.StatusAccepted)
		token := s.mails(t, email, "new password")[0].token(t)
		s.canaries.plant(token, another)
		s.post(t, "/v1/password-resets/confirm", map[string]any{"token": token, "newPassword": another}).MustBe(t, http.StatusNoContent)
		s.mails(t, email, "was changed")
		s.mustLogIn(t, email, another)
	})
}

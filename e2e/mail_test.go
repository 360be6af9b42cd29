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

	"souk/functions/fixtures"
	"souk/functions/user"
	"souk/shared/function/functiontest"
)

// mailMessage is a mail in the API of the mail emulator.
type mailMessage struct {
	Text, HTML string
}

var tokenForm = regexp.MustCompile(`[A-Za-z0-9_-]{43}`)

// token returns the token in the mail.
func (m mailMessage) token(t testing.TB) string {
	t.Helper()
	token := tokenForm.FindString(m.Text)
	if token == "" {
		t.Fatalf("the mail has no token:\n%s", m.Text)
	}
	return token
}

// mustReadMails waits for a mail to an address with a part of its subject, and returns all
// such mails, newest first.
func (s *system) mustReadMails(t testing.TB, to, subject string) []mailMessage {
	t.Helper()
	var list struct{ Items []struct{ ID int } }
	query := url.Values{"to": {to}, "subject": {subject}, "wait": {"10"}}
	eventually(t, "a mail with the subject "+subject, func() bool {
		s.getMail(t, "?"+query.Encode(), &list)
		return len(list.Items) > 0
	})
	mails := make([]mailMessage, len(list.Items))
	for i, item := range list.Items {
		s.getMail(t, fmt.Sprintf("/%d", item.ID), &mails[i])
	}
	return mails
}

func (s *system) getMail(t testing.TB, path string, into any) {
	t.Helper()
	response, err := http.Get(s.Mail.URL + "/api/messages" + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("status %d, %v: %s", response.StatusCode, err, text)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("read %s: %v", text, err)
	}
}

func (s *system) post(t testing.TB, path string, body any) functiontest.Response {
	t.Helper()
	return s.do(t, functiontest.Request{Method: http.MethodPost, Path: path, Body: body})
}

// mustRegister creates the account of a customer: it registers, reads the mail and confirms.
func (s *system) mustRegister(t testing.TB, email, password, name string) (account user.User) {
	t.Helper()
	body := fixtures.Registration(email)
	body["password"], body["name"] = password, name
	s.do(t, fixtures.Register(body)).MustBe(t, http.StatusCreated)
	token := s.mustReadMails(t, email, "confirm your e-mail address")[0].token(t)
	s.canaries.plant(email, password, token)
	s.post(t, "/v1/email-verifications/confirm", map[string]any{"token": token, "password": password}).MustBe(t, http.StatusOK).Into(t, &account)
	return account
}

// TestMail covers the workflows that send mails.
func TestMail(t *testing.T) {
	parallel(t)
	s := openSystem(t)
	email := uuid.NewString() + "@example.com"
	s.mustRegister(t, email, fixtures.Password, "Amira")
	customer := s.mustLogIn(t, email, fixtures.Password)

	t.Run("a second registration is reported by mail only", func(t *testing.T) {
		s.do(t, fixtures.Register(fixtures.Registration(email))).MustBe(t, http.StatusCreated)
		if got := s.mustReadMails(t, email, "you have an account")[0]; tokenForm.MatchString(got.Text) {
			t.Errorf("the mail has a token:\n%s", got.Text)
		}
	})

	t.Run("each status of an order is mailed once with its items", func(t *testing.T) {
		p := s.mustCreateProduct(t, s.admin(t), s.customer(t), 5)
		s.place(t, customer, "wait=20", p.ID, 2).MustBe(t, http.StatusCreated)
		mails := s.mustReadMails(t, email, "confirmed")
		if len(mails) != 1 || !strings.Contains(mails[0].Text, "2 × Assam, 250 g") || !strings.Contains(mails[0].HTML, "25.98 EUR") {
			t.Errorf("got %d mails, %+v", len(mails), mails)
		}
	})

	t.Run("a forgotten password is reset", func(t *testing.T) {
		s.post(t, "/v1/password-resets", map[string]any{"email": email}).MustBe(t, http.StatusAccepted)
		token := s.mustReadMails(t, email, "new password")[0].token(t)
		s.canaries.plant(token, fixtures.NewPassword)
		s.post(t, "/v1/password-resets/confirm", fixtures.PasswordReset(token, fixtures.NewPassword)).MustBe(t, http.StatusNoContent)
		s.mustReadMails(t, email, "was changed")
		s.mustLogIn(t, email, fixtures.NewPassword)
	})
}

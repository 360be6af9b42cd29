package user

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/mail"
)

//go:embed mails
var mailFiles embed.FS

// The kinds of mails, by the names of their files.
const (
	registrationTemplate    = "registration"
	accountExistsTemplate   = "account_exists"
	passwordResetTemplate   = "password_reset"
	passwordChangedTemplate = "password_changed"
	orderTemplate           = "order"
)

// mailers are the functions that send mail, and have what it takes.
var mailers = []string{"registration-mail", "password-reset-mail", "password-changed-mail", "user-notify"}

// tokenMailers are those of them whose mails have tokens.
var tokenMailers = []string{"registration-mail", "password-reset-mail"}

// mailData is the data of the mails about accounts.
type mailData struct {
	// Name is that of an account's owner. A mail to an address that is not confirmed
	// has none: it contains nothing that whoever registered has written.
	Name      string
	At, Until time.Time
	// Token proves that the person reads the mail, and Link is the page that takes it,
	// "" where the shop has no pages.
	Token, Link string
}

// recipient is whom a mail is for.
type recipient struct{ Name, Email string }

// mailSettings are the environment variables of the functions that send mail.
type mailSettings struct {
	mail.Config
	// PagesURL is where the shop's pages for people are: links in mails lead there.
	PagesURL string `env:"USER_PAGES_URL"`
	// TokenKey derives the tokens that are mailed.
	TokenKey config.Secret `env:"MAIL_TOKEN_KEY"`
}

// minTokenKey is the fewest bytes of MAIL_TOKEN_KEY.
const minTokenKey = 32

// loadMail prepares what sends mail. It connects to nothing yet.
func (s *service) loadMail() error {
	settings, err := config.Load[mailSettings](s.Environment)
	if err != nil {
		return err
	}
	if settings.PagesURL != "" {
		u, err := url.Parse(settings.PagesURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return errors.New("USER_PAGES_URL must be a URL, such as https://shop.example.com")
		}
	}
	s.tokenKey = []byte(settings.TokenKey.Reveal())
	if slices.ContainsFunc(tokenMailers, s.Serves) && len(s.tokenKey) < minTokenKey {
		return fmt.Errorf("MAIL_TOKEN_KEY must have %d bytes or more, such as those of: openssl rand -base64 %[1]d", minTokenKey)
	}
	s.pagesURL = strings.TrimSuffix(settings.PagesURL, "/")
	if s.sender, err = mail.NewSender(settings.Config); err != nil {
		return err
	}
	s.templates = map[string]*mail.Template{}
	for _, name := range []string{registrationTemplate, accountExistsTemplate, passwordResetTemplate, passwordChangedTemplate, orderTemplate} {
		if s.templates[name], err = mail.ParseTemplate(mailFiles, "mails/"+name); err != nil {
			return err
		}
	}
	return nil
}

// link is where a page takes a token. Behind the # it reaches no server's log and
// no other site.
func (s *service) link(page, token string) string {
	if s.pagesURL == "" {
		return ""
	}
	return s.pagesURL + "/" + page + "#token=" + token
}

// deriveToken returns the token of an event's mail, and its hash to store. It is the
// same whenever the event is delivered, so that of two mails both are valid, and
// nobody without the key can compute it.
func (s *service) deriveToken(kind string, eventID uuid.UUID) (string, secretHash) {
	mac := hmac.New(sha256.New, s.tokenKey)
	_, _ = mac.Write([]byte(kind + "\x00")) // never fails
	_, _ = mac.Write(eventID[:])
	token := base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	return token, hashSecret(token)
}

// pruneMail deletes registrations, tokens, deliveries and counts that are over.
func (s *service) pruneMail(ctx context.Context) error {
	now := s.Now()
	return errors.Join(
		database.Prune(ctx, s.DB, deleteExpiredRegistrations, now),
		database.Prune(ctx, s.DB, deleteExpiredConfirmations, now),
		database.Prune(ctx, s.DB, deleteExpiredResets, now),
		database.Prune(ctx, s.DB, deleteOldDeliveries, now.Add(-deliveryRetention)),
		database.Prune(ctx, s.DB, deleteFreeQuotas, now),
	)
}

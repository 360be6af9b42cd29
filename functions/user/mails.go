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
	"souk/shared/maildelivery"
)

//go:embed mails
var mailFiles embed.FS

// The kinds of mails, which are the names of their templates' files.
const (
	registrationTemplate    = "registration"
	accountExistsTemplate   = "account_exists"
	passwordResetTemplate   = "password_reset"
	passwordChangedTemplate = "password_changed"
	emailChangeTemplate     = "email_change"
	emailChangedTemplate    = "email_changed"
	secondFactorTemplate    = "second_factor"
	orderTemplate           = "order"
	stockLowTemplate        = "stock_low"
	webhookDisabledTemplate = "webhook_disabled"
)

// mailers are the functions that send mail and have its settings.
var mailers = []string{"registration-mail", "password-reset-mail", "email-change-mail", "password-changed-mail", "user-notify", "return-mail", "stock-low-mail", "webhook-disabled-mail"}

// tokenMailers are the mailers whose mails contain tokens.
var tokenMailers = []string{"registration-mail", "password-reset-mail", "email-change-mail", "password-changed-mail"}

// mailData is the data of the mails about accounts.
type mailData struct {
	// Name is the name of the account's owner. It is empty in a mail to an unconfirmed
	// address, which must not contain any text that an attacker may have entered.
	Name      string
	At, Until time.Time
	// Token proves access to the mailbox. Link is the page that accepts it, "" if the
	// shop has no pages.
	Token, Link string
}

// Short names of mails.
type (
	mailMessage[P any] = maildelivery.Message[P]
	outgoingMail       = maildelivery.Mail
	recipient          = maildelivery.Recipient
)

// mailSettings are the environment variables of the functions that send mail.
type mailSettings struct {
	mail.Config
	// PagesURL is the URL of the shop's web pages, to which links in mails lead.
	PagesURL string `env:"USER_PAGES_URL"`
	// TokenKey is the key from which the tokens in mails are derived.
	TokenKey config.Secret `env:"MAIL_TOKEN_KEY"`
	// SyntheticCustomer is the id of the test customer of souk synthetic-order, whose
	// orders are not mailed.
	SyntheticCustomer uuid.UUID `env:"SYNTHETIC_CUSTOMER"`
	Staff             staffMailboxes
}

// minTokenKey is the minimum length of MAIL_TOKEN_KEY in bytes.
const minTokenKey = 32

// loadMail loads the settings and templates of mails. It does not connect to the mail
// server.
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
		return fmt.Errorf("MAIL_TOKEN_KEY must have %d bytes or more, for example from: openssl rand -base64 %[1]d", minTokenKey)
	}
	if s.mailboxes, err = settings.Staff.withDefaults(); err != nil {
		return err
	}
	s.syntheticCustomer = settings.SyntheticCustomer
	s.pagesURL = strings.TrimSuffix(settings.PagesURL, "/")
	s.mailer, err = maildelivery.NewMailer(settings.Config, mailFiles,
		registrationTemplate, accountExistsTemplate, passwordResetTemplate, passwordChangedTemplate, emailChangeTemplate, emailChangedTemplate, secondFactorTemplate,
		orderTemplate, stockLowTemplate, webhookDisabledTemplate)
	return err
}

// link returns the URL of a page with a token. The token is in the fragment, which is
// sent neither to servers nor as a referrer.
func (s *service) link(page, token string) string {
	if s.pagesURL == "" {
		return ""
	}
	return s.pagesURL + "/" + page + "#token=" + token
}

// deriveToken returns the token of an event's mail, and its hash to store. The token is
// the same for each delivery of the event, so that both of two mails are valid. It
// cannot be computed without the key.
func (s *service) deriveToken(kind string, eventID uuid.UUID) (string, secretHash) {
	mac := hmac.New(sha256.New, s.tokenKey)
	_, _ = mac.Write([]byte(kind + "\x00")) // never returns an error
	_, _ = mac.Write(eventID[:])
	token := base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	return token, hashSecret(token)
}

// pruneMail deletes expired registrations, tokens, challenges, deliveries and mail quotas.
func (s *service) pruneMail(ctx context.Context) error {
	now := s.Now()
	return errors.Join(
		database.Prune(ctx, s.DB, pruneRegistrations, now),
		database.Prune(ctx, s.DB, pruneConfirmations, now),
		database.Prune(ctx, s.DB, pruneResets, now),
		database.Prune(ctx, s.DB, pruneEmailChanges, now),
		database.Prune(ctx, s.DB, pruneChallenges, now),
		maildelivery.Prune(ctx, s.DB, now),
		database.Prune(ctx, s.DB, pruneQuotas, now),
	)
}

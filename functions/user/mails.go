package user

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"

	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/mail"
)

//go:embed mails
var mailFiles embed.FS

// The kinds of mails, by the names of their files.
const (
	registrationMail    = "registration"
	accountExistsMail   = "account_exists"
	passwordResetMail   = "password_reset"
	passwordChangedMail = "password_changed"
	orderMail           = "order"
)

// mailers are the functions that send mail, and have what it takes.
var mailers = []string{"registration-mail", "password-reset-mail", "password-changed-mail", "user-notify"}

// mailData is what the mails about accounts say.
type mailData struct {
	Name      string
	At, Until time.Time
	// Token is what the person proves with that they read the mail, and Link where:
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
}

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
	s.pagesURL = strings.TrimSuffix(settings.PagesURL, "/")
	if s.sender, err = mail.NewSender(settings.Config); err != nil {
		return err
	}
	s.templates = map[string]*mail.Template{}
	for _, name := range []string{registrationMail, accountExistsMail, passwordResetMail, passwordChangedMail, orderMail} {
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

// mail sends the mail of an event. It is the last thing that a handler does in its
// transaction, which holds the event's place in the inbox: a second delivery waits
// for the first, and finds it done. A mail can still go out twice in one case: the
// server took it, and the commit after it was lost. Then nobody can know that it was
// sent, and twice is better than never. Both have one Message-ID.
//
// Nothing may come after it that could make the transaction run again.
//
// A refusal that no other try can change is noted, and the event is done.
func (s *service) mail(ctx context.Context, e event.Event, kind string, to recipient, data any) error {
	content, err := s.templates[kind].Render(data)
	if err != nil {
		return err
	}
	err = s.sender.Send(ctx, mail.Message{ID: e.ID.String(), ToName: to.Name, ToEmail: to.Email, Content: content})
	if mail.IsRefused(err) {
		slog.WarnContext(ctx, "a mail is refused for good", "mail", kind, "event", e.ID, "type", e.Type, "aggregate", e.AggregateID, "error", err)
		return nil
	}
	return err
}

// An address is sent at most mailBurst mails of a kind that anybody can ask for at
// once, and one more every mailEvery: five an hour. The pause is shorter than any
// token lives, so who floods a mailbox cannot keep its owner without a good token.
const (
	mailBurst = 5
	mailEvery = 12 * time.Minute
)

// takeMail says whether an address may be sent one more mail of a kind, and counts
// it. Others that are about to mail the same wait until the transaction ends.
func (s *service) takeMail(ctx context.Context, tx *database.Tx, kind, email string) (bool, error) {
	bucket := secretHash(sha256.Sum256([]byte(kind + "\x00" + emailKey(email))))
	now := s.Now()
	spentUntil, err := lockMailQuota(ctx, tx, bucket, now)
	if err != nil {
		return false, fmt.Errorf("count the mails of an address: %w", err)
	}
	if spentUntil.Before(now) {
		spentUntil = now
	}
	spentUntil = spentUntil.Add(mailEvery)
	if spentUntil.After(now.Add(mailBurst * mailEvery)) {
		return false, nil
	}
	if err := updateMailQuota(ctx, tx, bucket, spentUntil); err != nil {
		return false, fmt.Errorf("count the mails of an address: %w", err)
	}
	return true, nil
}

// pruneMail deletes registrations, resets and counts that are over.
func (s *service) pruneMail(ctx context.Context) error {
	now := s.Now()
	return errors.Join(
		database.Prune(ctx, s.DB, deleteExpiredRegistrations, now),
		database.Prune(ctx, s.DB, deleteExpiredResets, now),
		database.Prune(ctx, s.DB, deleteFreeQuotas, now),
	)
}

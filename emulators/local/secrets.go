package local

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sync/errgroup"

	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/database"
)

const secretsFile = "secrets.json"

// Login is an account to try the system with.
type Login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// secrets are made once a state directory: a system that is started again has
// the same logins, and the tokens it gave out are still good.
type secrets struct {
	Admin    Login `json:"admin"`
	Customer Login `json:"customer"`
	// SigningKey signs access tokens. Only functions that list it get it.
	SigningKey string `json:"signingKey"`
	// PublicKey is its public half, which is published.
	PublicKey string `json:"publicKey"`
	// MailTokenKey derives the tokens that are mailed.
	MailTokenKey string `json:"mailTokenKey"`
	// Databases are the passwords of the services' database users.
	Databases map[string]string `json:"databases"`

	// smtp is the URL to send mail by; souk up has another each time.
	smtp string
}

// byName returns the secret that the list of functions calls by an environment
// variable. One that is not known is empty: the function says what it misses.
func (s *secrets) byName(name string) string {
	return map[string]string{
		"AUTH_SIGNING_KEYS": s.SigningKey, "AUTH_PUBLIC_KEYS": s.PublicKey,
		"SMTP_URL": s.smtp, "MAIL_TOKEN_KEY": s.MailTokenKey,
	}[name]
}

func (s *state) secrets(services []string) (*secrets, error) {
	known := &secrets{}
	text, err := os.ReadFile(s.file(secretsFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read the logins: %w", err)
	default:
		if err := json.Unmarshal(text, known); err != nil {
			return nil, advise(fmt.Errorf("read %s: %w", s.file(secretsFile), err),
				"Delete the file to have new logins made.")
		}
	}
	added, err := known.complete(services)
	if err != nil || !added {
		return known, err
	}
	text, err = json.MarshalIndent(known, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the logins: %w", err)
	}
	return known, s.writeFile(secretsFile, append(text, '\n'))
}

// complete makes what is missing and tells whether anything was.
func (s *secrets) complete(services []string) (added bool, err error) {
	if s.SigningKey == "" {
		added = true
		if s.SigningKey, err = auth.GenerateKey(); err != nil {
			return false, fmt.Errorf("make the key that signs access tokens: %w", err)
		}
	}
	if s.PublicKey == "" {
		added = true
		if s.PublicKey, err = auth.PublicHalf(s.SigningKey); err != nil {
			return false, fmt.Errorf("derive the key that is published: %w", err)
		}
	}
	missing := func(value *string, made string) {
		if *value == "" {
			*value, added = made, true
		}
	}
	// .test is never anybody's domain (RFC 2606).
	missing(&s.Admin.Email, "admin@souk.test")
	missing(&s.Admin.Password, rand.Text())
	missing(&s.Customer.Email, "customer@souk.test")
	missing(&s.Customer.Password, rand.Text())
	missing(&s.MailTokenKey, rand.Text()+rand.Text())
	if s.Databases == nil {
		s.Databases = map[string]string{}
	}
	for _, service := range services {
		password := s.Databases[service]
		missing(&password, rand.Text())
		s.Databases[service] = password
	}
	return added, nil
}

// seed makes the accounts of the logins in the user service's database.
func (s *secrets) seed(ctx context.Context, users database.URL) error {
	return with(users, func(db *database.DB) error {
		group, ctx := errgroup.WithContext(ctx)
		for login, role := range map[Login]auth.Role{s.Admin: auth.Admin, s.Customer: auth.Customer} {
			group.Go(func() error {
				_, err := user.Seed(ctx, db, login.Email, login.Password, role)
				return err
			})
		}
		return group.Wait()
	})
}

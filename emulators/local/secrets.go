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
	"souk/shared/manifest"
)

const secretsFile = "secrets.json"

// The secrets of the payment provider, which has them as well as functions.
const (
	paymentKey           = "PAYMENT_API_KEY"
	paymentWebhookSecret = "PAYMENT_WEBHOOK_SECRET" //nolint:gosec // G101: a name
)

// Login is the login of an initial account.
type Login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// secrets are created once per state directory: after a restart, the system has the same
// logins, and issued tokens stay valid.
type secrets struct {
	Admin    Login `json:"admin"`
	Customer Login `json:"customer"`
	// SigningKey signs access tokens. Only functions that list it receive it.
	SigningKey string `json:"signingKey"`
	// PublicKey is its public half, which is published.
	PublicKey string `json:"publicKey"`
	// MailTokenKey derives the tokens in mails.
	MailTokenKey string `json:"mailTokenKey"`
	// Databases are the passwords of the database logins, by name.
	Databases map[string]string `json:"databases"`

	// Others are random values of the other secrets in functions.yaml, by name.
	Others map[string]string `json:"others,omitempty"`

	// smtp is the URL for sending mail, which changes with each souk up.
	smtp string
}

// special returns the secrets that are not random texts, by the names of their environment
// variables.
func (s *secrets) special() map[string]string {
	return map[string]string{
		"AUTH_SIGNING_KEYS": s.SigningKey, "AUTH_PUBLIC_KEYS": s.PublicKey,
		"SMTP_URL": s.smtp, "MAIL_TOKEN_KEY": s.MailTokenKey,
	}
}

// byName returns a secret by the name of its environment variable. An unknown secret is
// empty, which the function reports as missing.
func (s *secrets) byName(name string) string {
	if value, known := s.special()[name]; known {
		return value
	}
	return s.Others[name]
}

// secrets reads the secrets, and creates those of the logins and names that do not exist.
func (s *state) secrets(logins, names []string) (*secrets, error) {
	known := &secrets{}
	text, err := os.ReadFile(s.file(secretsFile))
	switch {
	case errors.Is(err, os.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("read the logins: %w", err)
	default:
		if err := json.Unmarshal(text, known); err != nil {
			return nil, advise(fmt.Errorf("read %s: %w", s.file(secretsFile), err),
				"Delete the file to create new logins.")
		}
	}
	added, err := known.complete(logins, names)
	if err != nil || !added {
		return known, err
	}
	text, err = json.MarshalIndent(known, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the logins: %w", err)
	}
	return known, s.writeFile(secretsFile, append(text, '\n'))
}

// complete creates missing secrets and reports whether there were any.
func (s *secrets) complete(logins, names []string) (added bool, err error) {
	if s.SigningKey == "" {
		added = true
		if s.SigningKey, err = auth.GenerateKey(); err != nil {
			return false, fmt.Errorf("generate the key that signs access tokens: %w", err)
		}
	}
	if s.PublicKey == "" {
		added = true
		if s.PublicKey, err = auth.PublicHalf(s.SigningKey); err != nil {
			return false, fmt.Errorf("derive the public key: %w", err)
		}
	}
	setDefault := func(value *string, defaultValue string) {
		if *value == "" {
			*value, added = defaultValue, true
		}
	}
	// The domain .test is reserved (RFC 2606).
	setDefault(&s.Admin.Email, "admin@souk.test")
	setDefault(&s.Admin.Password, rand.Text())
	setDefault(&s.Customer.Email, "customer@souk.test")
	setDefault(&s.Customer.Password, rand.Text())
	setDefault(&s.MailTokenKey, rand.Text()+rand.Text())
	if s.Databases == nil {
		s.Databases = map[string]string{}
	}
	for _, name := range logins {
		password := s.Databases[name]
		setDefault(&password, rand.Text())
		s.Databases[name] = password
	}
	special := s.special()
	for _, name := range names {
		if _, known := special[name]; known {
			continue
		}
		if s.Others == nil {
			s.Others = map[string]string{}
		}
		value := s.Others[name]
		setDefault(&value, rand.Text()+rand.Text())
		s.Others[name] = value
	}
	return added, nil
}

// loginNames returns the names of all logins to databases.
func loginNames(list *manifest.Manifest) []string {
	var names []string
	for _, login := range list.Logins() {
		names = append(names, login.Name)
	}
	return names
}

// secretNames returns the names of all secrets of functions.
func secretNames(list *manifest.Manifest) []string {
	names := []string{paymentKey, paymentWebhookSecret} // of the provider
	for _, f := range list.Functions {
		names = append(names, f.Secrets...)
	}
	return names
}

// seed creates the accounts of the logins in the user service's database. users is the URL of
// an administrator: no function may write all that an account has.
func (s *secrets) seed(ctx context.Context, users database.URL) error {
	return withDatabase(users, func(db *database.DB) error {
		group, ctx := errgroup.WithContext(ctx)
		for login, role := range map[Login]auth.Role{s.Admin: auth.Owner, s.Customer: auth.Customer} {
			group.Go(func() error {
				_, err := user.Seed(ctx, db, login.Email, login.Password, role)
				return err
			})
		}
		return group.Wait()
	})
}

//go:build !container

package local

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"souk/emulators/mysql"
	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/config"
	"souk/shared/database"
)

// MaxCustomers is the largest number of customers that one call creates.
const MaxCustomers = 1000

// Customers creates accounts for a load test and returns an access token of each, valid for
// auth.AccessTokenTTL. It signs the tokens itself: the shop limits logins, and each costs a
// password hash.
func (s *System) Customers(ctx context.Context, count int) (tokens []string, err error) {
	if count < 1 || count > MaxCustomers {
		return nil, fmt.Errorf("create customers: %d is not between 1 and %d", count, MaxCustomers)
	}
	signer, err := auth.NewSigner(auth.SignerConfig{
		Issuer: s.gatewayURL(), Audience: tokenAudience, Keys: config.NewSecret(s.secrets.SigningKey),
	})
	if err != nil {
		return nil, fmt.Errorf("create customers: %w", err)
	}
	emails, group := make([]string, count), strings.ToLower(rand.Text()[:8])
	for i := range emails {
		emails[i] = fmt.Sprintf("load-%s-%d@souk.test", group, i+1)
	}
	url, err := mysql.DatabaseURL(s.server.AdminURL(), s.databases["user"])
	if err != nil {
		return nil, err
	}
	err = withDatabase(url, func(db *database.DB) error {
		ids, err := user.SeedCustomers(ctx, db, emails)
		if err != nil {
			return err
		}
		for _, id := range ids {
			token, err := signer.Sign(auth.Principal{UserID: id, Role: auth.Customer}, time.Now(), auth.AccessTokenTTL)
			if err != nil {
				return err
			}
			tokens = append(tokens, token)
		}
		return nil
	})
	return tokens, err
}

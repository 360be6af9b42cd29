package auth

import (
	"context"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"souk/shared/clock"
)

const (
	googleIssuer = "https://accounts.google.com"
	// googleIssuerBare is how Google also writes its issuer:
	// https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
	googleIssuerBare = "accounts.google.com"
)

// PushConfig says whose push requests are accepted. With any of it missing,
// none are.
type PushConfig struct {
	Issuer  string `env:"PUSH_ISSUER" envDefault:"https://accounts.google.com"`
	KeysURL string `env:"PUSH_JWKS_URL" envDefault:"https://www.googleapis.com/oauth2/v3/certs"`
	// Audience is the audience the push subscription is configured with.
	Audience string `env:"PUSH_AUDIENCE"`
	// ServiceAccount is the e-mail address of the service account that the push
	// subscription is configured with.
	ServiceAccount string `env:"PUSH_SERVICE_ACCOUNT"`
}

type pushClaims struct {
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
}

// PushVerifier verifies the tokens that Pub/Sub puts on push requests:
// https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
// It is safe for concurrent use.
type PushVerifier struct {
	rules          tokenRules
	serviceAccount string
	configured     bool
}

// NewPushVerifier returns a PushVerifier. It does no work: keys are fetched
// when the first token is verified.
func NewPushVerifier(c PushConfig, now clock.Clock) *PushVerifier {
	issuers := []string{c.Issuer}
	if c.Issuer == googleIssuer {
		issuers = append(issuers, googleIssuerBare)
	}
	return &PushVerifier{
		rules: tokenRules{
			issuers:  issuers,
			audience: c.Audience,
			types:    []string{"jwt", ""},
			keys:     newKeySet(c.KeysURL, jose.RS256, now),
		},
		serviceAccount: c.ServiceAccount,
		configured:     c.Issuer != "" && c.KeysURL != "" && c.Audience != "" && c.ServiceAccount != "",
	}
}

// Verify returns nil for a token that Pub/Sub made for this subscription's
// audience and service account. The error is ErrInvalidToken,
// ErrKeysUnavailable or the context's.
func (v *PushVerifier) Verify(ctx context.Context, rawToken string) error {
	if !v.configured {
		return fmt.Errorf("%w: PUSH_ISSUER, PUSH_JWKS_URL, PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT are not all set", ErrInvalidToken)
	}
	var private pushClaims
	if _, err := v.rules.verify(ctx, rawToken, &private); err != nil {
		return fmt.Errorf("verify push token: %w", err)
	}
	// Anybody with a Google account can have Google sign a token for any
	// audience: only the e-mail address says that this one is ours.
	if private.Email != v.serviceAccount || !private.EmailVerified {
		return fmt.Errorf("verify push token: %w: of another service account", ErrInvalidToken)
	}
	return nil
}

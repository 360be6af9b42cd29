package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"souk/shared/clock"
)

const (
	googleIssuer = "https://accounts.google.com"
	// googleIssuerBare is the other form of Google's issuer:
	// https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
	googleIssuerBare = "accounts.google.com"
	// removedSignature replaces a token's signature after Cloud Run has checked it, so
	// that a function cannot use its caller's token elsewhere.
	// See "Cloud Run replaces the signature" in docs/adr/0016.
	removedSignature = "SIGNATURE_REMOVED_BY_GOOGLE"
)

// PushAuth selects what checks the signature of push tokens.
type PushAuth string

const (
	// PushAuthToken checks it in the function, with the issuer's keys.
	PushAuthToken PushAuth = "token"
	// PushAuthIAM leaves it to Cloud Run's IAM, which admits only principals that may
	// invoke the run service. The function checks the claims.
	PushAuthIAM PushAuth = "iam"
)

// UnmarshalText reads a PushAuth and refuses any other value.
func (a *PushAuth) UnmarshalText(text []byte) error {
	if !slices.Contains([]PushAuth{PushAuthToken, PushAuthIAM}, PushAuth(text)) {
		return errors.New("neither token nor iam")
	}
	*a = PushAuth(text)
	return nil
}

// PushConfig selects the push requests to accept. With any field missing, all are
// refused.
type PushConfig struct {
	Issuer  string `env:"PUSH_ISSUER" envDefault:"https://accounts.google.com"`
	KeysURL string `env:"PUSH_JWKS_URL" envDefault:"https://www.googleapis.com/oauth2/v3/certs"`
	// Audience is the audience of the push subscription. ${FUNCTION_TARGET} in it is
	// replaced by the value of that variable, so that many functions can share one
	// setting.
	Audience string `env:"PUSH_AUDIENCE,expand"`
	// ServiceAccount is the e-mail address of the push subscription's service account.
	ServiceAccount string `env:"PUSH_SERVICE_ACCOUNT"`
	// Auth may be PushAuthIAM only where every request passes an IAM check: a token
	// without a signature is then accepted.
	Auth PushAuth `env:"PUSH_AUTH" envDefault:"token"`
}

type pushClaims struct {
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
}

// PushVerifier verifies the tokens that Pub/Sub puts on push requests:
// https://cloud.google.com/pubsub/docs/authenticate-push-subscriptions
// It is safe for concurrent use.
type PushVerifier struct {
	rules          cachingRules[pushClaims]
	serviceAccount string
	configured     bool
	behindIAM      bool // IAM checks the signature and removes it
}

// NewPushVerifier returns a new PushVerifier. It does no I/O: keys are fetched when
// the first token is verified.
func NewPushVerifier(c PushConfig, now clock.Clock) *PushVerifier {
	issuers := []string{c.Issuer}
	if c.Issuer == googleIssuer {
		issuers = append(issuers, googleIssuerBare)
	}
	return &PushVerifier{
		rules: cachingRules[pushClaims]{tokenRules: tokenRules{
			issuers:  issuers,
			audience: c.Audience,
			types:    []string{"jwt", ""},
			keys:     newKeySet(c.KeysURL, jose.RS256, now),
		}},
		serviceAccount: c.ServiceAccount,
		configured:     c.Issuer != "" && c.KeysURL != "" && c.Audience != "" && c.ServiceAccount != "",
		behindIAM:      c.Auth == PushAuthIAM,
	}
}

// serverlessAuthorization is a header that Cloud Run's IAM reads in place of
// Authorization (https://docs.cloud.google.com/run/docs/authenticating/service-to-service).
const serverlessAuthorization = "X-Serverless-Authorization"

// BearerToken returns the token of a push request. Behind IAM it refuses a request with
// a second token: IAM would have checked only that one, and the token in Authorization
// could be forged. Pub/Sub does not send it.
func (v *PushVerifier) BearerToken(header http.Header) (string, error) {
	if v.behindIAM && len(header.Values(serverlessAuthorization)) > 0 {
		return "", fmt.Errorf("%w: a request with %s", ErrInvalidToken, serverlessAuthorization)
	}
	return BearerToken(header)
}

// Verify returns nil for a token that Pub/Sub issued for this subscription's
// audience and service account. The error is ErrInvalidToken,
// ErrKeysUnavailable or the context's.
func (v *PushVerifier) Verify(ctx context.Context, rawToken string) error {
	if !v.configured {
		return fmt.Errorf("%w: PUSH_ISSUER, PUSH_JWKS_URL, PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT are not all set", ErrInvalidToken)
	}
	var private pushClaims
	var err error
	if v.behindIAM && strings.HasSuffix(rawToken, "."+removedSignature) {
		_, err = v.rules.verifyClaims(ctx, rawToken, &private)
	} else {
		_, private, err = v.rules.verify(ctx, rawToken)
	}
	if err != nil {
		return fmt.Errorf("verify push token: %w", err)
	}
	// Anyone with a Google account can have Google sign a token for any audience:
	// only the e-mail address identifies our subscription.
	if private.Email != v.serviceAccount || !private.EmailVerified {
		return fmt.Errorf("verify push token: %w: another service account", ErrInvalidToken)
	}
	return nil
}

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
	// googleIssuerBare is how Google also writes its issuer:
	// https://developers.google.com/identity/openid-connect/openid-connect#an-id-tokens-payload
	googleIssuerBare = "accounts.google.com"
	// removedSignature stands where a token's signature was, once Cloud Run has
	// checked it: a function must not be able to use its caller's token elsewhere.
	// See "Cloud Run replaces the signature" in docs/adr/0016.
	removedSignature = "SIGNATURE_REMOVED_BY_GOOGLE"
)

// PushAuth says who checks the signature of push tokens.
type PushAuth string

const (
	// PushAuthToken has the function check it, with the issuer's keys.
	PushAuthToken PushAuth = "token"
	// PushAuthIAM leaves it to Cloud Run's IAM, which lets nobody in but those who
	// may invoke the service. The function checks the claims.
	PushAuthIAM PushAuth = "iam"
)

// UnmarshalText refuses what is neither of the two.
func (a *PushAuth) UnmarshalText(text []byte) error {
	if !slices.Contains([]PushAuth{PushAuthToken, PushAuthIAM}, PushAuth(text)) {
		return errors.New("neither token nor iam")
	}
	*a = PushAuth(text)
	return nil
}

// PushConfig says whose push requests are accepted. With any of it missing,
// none are.
type PushConfig struct {
	Issuer  string `env:"PUSH_ISSUER" envDefault:"https://accounts.google.com"`
	KeysURL string `env:"PUSH_JWKS_URL" envDefault:"https://www.googleapis.com/oauth2/v3/certs"`
	// Audience is the audience the push subscription is configured with. In it
	// ${FUNCTION_TARGET} stands for the value of that variable, so that many
	// functions can share one setting.
	Audience string `env:"PUSH_AUDIENCE,expand"`
	// ServiceAccount is the e-mail address of the service account that the push
	// subscription is configured with.
	ServiceAccount string `env:"PUSH_SERVICE_ACCOUNT"`
	// Auth must be PushAuthIAM only where nobody reaches the function but through
	// an IAM check: with it a token without a signature is believed.
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
	rules          tokenRules
	serviceAccount string
	configured     bool
	signatureGone  bool // checked by IAM, which takes it away
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
		signatureGone:  c.Auth == PushAuthIAM,
	}
}

// serverlessAuthorization is a header that Cloud Run's IAM reads in place of
// Authorization (https://docs.cloud.google.com/run/docs/authenticating/service-to-service).
const serverlessAuthorization = "X-Serverless-Authorization"

// BearerToken returns the token of a push request. Behind IAM it refuses a request with
// a second token: IAM would have checked that one alone, and Authorization could hold
// anything. Pub/Sub does not send it.
func (v *PushVerifier) BearerToken(header http.Header) (string, error) {
	if v.signatureGone && len(header.Values(serverlessAuthorization)) > 0 {
		return "", fmt.Errorf("%w: a request with %s", ErrInvalidToken, serverlessAuthorization)
	}
	return BearerToken(header)
}

// Verify returns nil for a token that Pub/Sub made for this subscription's
// audience and service account. The error is ErrInvalidToken,
// ErrKeysUnavailable or the context's.
func (v *PushVerifier) Verify(ctx context.Context, rawToken string) error {
	if !v.configured {
		return fmt.Errorf("%w: PUSH_ISSUER, PUSH_JWKS_URL, PUSH_AUDIENCE and PUSH_SERVICE_ACCOUNT are not all set", ErrInvalidToken)
	}
	verify := v.rules.verify
	if v.signatureGone && strings.HasSuffix(rawToken, "."+removedSignature) {
		verify = v.rules.verifyClaims
	}
	var private pushClaims
	if _, err := verify(ctx, rawToken, &private); err != nil {
		return fmt.Errorf("verify push token: %w", err)
	}
	// Anybody with a Google account can have Google sign a token for any
	// audience: only the e-mail address says that this one is ours.
	if private.Email != v.serviceAccount || !private.EmailVerified {
		return fmt.Errorf("verify push token: %w: of another service account", ErrInvalidToken)
	}
	return nil
}

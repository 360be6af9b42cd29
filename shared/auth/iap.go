package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/go-jose/go-jose/v4"

	"souk/shared/clock"
)

// HeaderIAPAssertion is the header with Identity-Aware Proxy's signed assertion of the caller.
const HeaderIAPAssertion = "X-Goog-Iap-Jwt-Assertion" //nolint:gosec // the name of a header

// IAPConfig configures the functions for staff behind Identity-Aware Proxy.
type IAPConfig struct {
	// ProjectNumber is the number of the project with the load balancer. Without it no
	// assertion is required.
	ProjectNumber string `env:"IAP_PROJECT_NUMBER"`
	Issuer        string `env:"IAP_ISSUER" envDefault:"https://cloud.google.com/iap"`
	KeysURL       string `env:"IAP_JWKS_URL" envDefault:"https://www.gstatic.com/iap/verify/public_key-jwk"`
}

// IAPVerifier verifies that requests have passed Identity-Aware Proxy:
// https://cloud.google.com/iap/docs/signed-headers-howto
// It is safe for concurrent use.
type IAPVerifier struct{ rules cachingRules[struct{}] }

// NewIAPVerifier returns a new IAPVerifier, or nil without a project. It does no I/O:
// keys are fetched when the first assertion is verified.
//
// The audience of an assertion contains the number of a backend service, which is
// created after its function. So the function checks the project only (docs/adr/0033).
func NewIAPVerifier(c IAPConfig, now clock.Clock) *IAPVerifier {
	if c.ProjectNumber == "" {
		return nil
	}
	return &IAPVerifier{cachingRules[struct{}]{tokenRules: tokenRules{
		issuers:        []string{c.Issuer},
		audiencePrefix: "/projects/" + c.ProjectNumber + "/global/backendServices/",
		types:          []string{"jwt", ""},
		keys:           newKeySet(c.KeysURL, jose.ES256, now),
	}}}
}

// Verify returns nil for a request with the proxy's assertion. It does not read the
// Authorization header, which has the shop's own token; the proxy's token is in
// Proxy-Authorization, which the proxy removes. The error is ErrForbidden, ErrKeysUnavailable or the
// context's.
func (v *IAPVerifier) Verify(ctx context.Context, header http.Header) error {
	if v == nil {
		return nil
	}
	assertions := header.Values(HeaderIAPAssertion)
	if len(assertions) != 1 {
		return fmt.Errorf("%w: %d headers %s", ErrForbidden, len(assertions), HeaderIAPAssertion)
	}
	_, _, err := v.rules.verify(ctx, assertions[0])
	if errors.Is(err, ErrInvalidToken) {
		return fmt.Errorf("%w: %s: %w", ErrForbidden, HeaderIAPAssertion, err)
	}
	return err
}

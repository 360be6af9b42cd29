package gateway

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"cloud.google.com/go/auth"
	"cloud.google.com/go/auth/credentials/idtoken"

	"souk/emulators/transport"
)

// serverlessAuthorization has the ID token of a caller of Cloud Run. IAM checks it in
// place of Authorization, which reaches the function as the client sent it:
// https://docs.cloud.google.com/run/docs/authenticating/service-to-service
const serverlessAuthorization = "X-Serverless-Authorization"

// cloudDialTimeout is how long Cloud Run may take to accept a connection. Direct VPC
// egress of an instance that has just started may take a while.
const cloudDialTimeout = 20 * time.Second

// TokenSource returns an ID token for an audience, the URL of a Cloud Run service.
type TokenSource func(ctx context.Context, audience string) (string, error)

// MetadataTokens returns the ID tokens of the service account that this program runs as
// on Google Cloud, from the metadata server. Each is reused until shortly before it
// expires.
func MetadataTokens() TokenSource {
	var mu sync.Mutex
	credentials := map[string]*auth.Credentials{}
	of := func(audience string) (*auth.Credentials, error) {
		mu.Lock()
		defer mu.Unlock()
		if known := credentials[audience]; known != nil {
			return known, nil
		}
		created, err := idtoken.NewCredentials(&idtoken.Options{Audience: audience})
		if err != nil {
			return nil, err
		}
		credentials[audience] = created
		return created, nil
	}
	return func(ctx context.Context, audience string) (string, error) {
		credential, err := of(audience)
		if err != nil {
			return "", fmt.Errorf("find credentials for %s: %w", audience, err)
		}
		token, err := credential.Token(ctx)
		if err != nil {
			return "", fmt.Errorf("get an ID token for %s: %w", audience, err)
		}
		return token.Value, nil
	}
}

// identified sends requests with an ID token for the host that they go to.
type identified struct {
	base   *http.Transport
	tokens TokenSource
}

func newIdentified(tokens TokenSource) *identified {
	base := transport.New(cloudDialTimeout)
	base.ForceAttemptHTTP2 = true
	return &identified{base: base, tokens: tokens}
}

// RoundTrip sends a request of the proxy, whose header is the proxy's own copy.
func (i *identified) RoundTrip(r *http.Request) (*http.Response, error) {
	token, err := i.tokens(r.Context(), r.URL.Scheme+"://"+r.URL.Host)
	if err != nil {
		return nil, err
	}
	r.Header.Set(serverlessAuthorization, "Bearer "+token)
	return i.base.RoundTrip(r)
}

// CloseIdleConnections closes the connections that no request uses.
func (i *identified) CloseIdleConnections() { i.base.CloseIdleConnections() }

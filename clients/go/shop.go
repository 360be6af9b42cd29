// Package souk is a client of a Souk shop. client.gen.go has a method for each operation, generated from
// functions/openapi.yaml; the other files add what every client needs: idempotency keys, retries, sessions, typed
// errors and pages.
//
//	shop, err := souk.Open("https://api.shop.example", souk.Options{})
//	err = shop.SignIn(ctx, email, password)

package souk

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Shop is a client of a shop. Its methods, such as OrderPlaceWithResponse, may be used by several goroutines. Their
// errors are *Problem for a response of 400 or more.
type Shop struct {
	*ClientWithResponses

	transport transport
}

// Options configure a Shop. The zero value has the defaults.
type Options struct {
	// Client sends the requests. The default has a timeout of 30 seconds.
	Client *http.Client
	// Retry bounds the attempts of a request.
	Retry Retry
	// Token is sent instead of a session's: that of a guest's checkout, or an API key.
	Token string
}

// clientTimeout is the default bound of one attempt, its response body included.
const clientTimeout = 30 * time.Second

// Open returns a new client of the shop at a URL. It sends nothing.
func Open(server string, options Options) (*Shop, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the shop's URL %q must be such as https://api.shop.example", server)
	}
	server = strings.TrimSuffix(server, "/")
	if options.Client == nil {
		options.Client = &http.Client{Timeout: clientTimeout}
	}
	s := &Shop{transport: transport{
		client: options.Client,
		token:  options.Token,
		prefix: strings.TrimSuffix(u.Path, "/"),
		retry:  options.Retry.withDefaults(),
		routes: newRoutes(),
	}}
	s.transport.session = newSession(server, &s.transport)
	s.ClientWithResponses, err = NewClientWithResponses(server, func(c *Client) error {
		c.Client = &s.transport
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open the shop at %s: %w", server, err)
	}
	return s, nil
}

// SignIn begins a session: all later requests are the account's. If the account has a second factor, the error is a
// Problem with the code second_factor_required and a challenge for ConfirmSignIn.
func (s *Shop) SignIn(ctx context.Context, email, password string) error {
	response, err := s.SessionCreateWithResponse(ctx, SessionCreateRequest{Email: email, Password: password})
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if response.JSON201 == nil {
		return fmt.Errorf("sign in: unexpected status %s", response.Status())
	}
	s.transport.session.begin(*response.JSON201, time.Now())
	return nil
}

// ConfirmSignIn completes a sign-in by a code of the authenticator app or a recovery code.
func (s *Shop) ConfirmSignIn(ctx context.Context, challenge, code string) error {
	response, err := s.SessionConfirmWithResponse(ctx, SessionConfirmRequest{Challenge: challenge, Code: &code})
	if err != nil {
		return fmt.Errorf("confirm the sign-in: %w", err)
	}
	if response.JSON201 == nil {
		return fmt.Errorf("confirm the sign-in: unexpected status %s", response.Status())
	}
	s.transport.session.begin(*response.JSON201, time.Now())
	return nil
}

// SignOut ends the session, also if the shop cannot be reached.
func (s *Shop) SignOut(ctx context.Context) error {
	if _, exists := s.Tokens(); !exists {
		return nil
	}
	_, err := s.SessionDeleteWithResponse(ctx)
	s.transport.session.end()
	if err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// Tokens returns the tokens of the session, to continue it in another process by SetTokens. Protect them like a
// password.
func (s *Shop) Tokens() (tokens Tokens, exists bool) {
	return s.transport.session.current()
}

// SetTokens continues a session. The access token is refreshed before its first use.
func (s *Shop) SetTokens(tokens Tokens) {
	s.transport.session.begin(tokens, time.Time{})
}

package souk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// leeway is the time before its expiry at which an access token is refreshed.
	leeway = 30 * time.Second
	// refreshTime bounds a refresh with all its attempts. A spent refresh token is accepted again for 30 seconds, the
	// reuse interval; later use of it ends the session.
	refreshTime = 25 * time.Second
)

// session has the tokens of a session, and refreshes them: once for all requests that need it at the same time.
type session struct {
	server    string
	transport *transport
	// refreshing has an element while a refresh is in progress.
	refreshing chan struct{}

	mu        sync.Mutex
	tokens    *Tokens
	expiresAt time.Time
}

func newSession(server string, t *transport) *session {
	return &session{server: server, transport: t, refreshing: make(chan struct{}, 1)}
}

// begin stores tokens that were issued at a time.
func (s *session) begin(tokens Tokens, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens, s.expiresAt = &tokens, at.Add(time.Duration(tokens.ExpiresIn)*time.Second)
}

func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens = nil
}

func (s *session) current() (Tokens, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens == nil {
		return Tokens{}, false
	}
	return *s.tokens, true
}

// valid returns the access token, unless it is the rejected one or about to expire. It is "" without a session.
func (s *session) valid(rejected string) (token string, isValid bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.tokens == nil {
		return "", true
	}
	return s.tokens.AccessToken, s.tokens.AccessToken != rejected && time.Now().Add(leeway).Before(s.expiresAt)
}

// accessToken returns a valid access token, other than one that the shop has rejected; "" if there is no session, or
// none any more.
func (s *session) accessToken(ctx context.Context, rejected string) (string, error) {
	if token, isValid := s.valid(rejected); isValid {
		return token, nil
	}
	select {
	case s.refreshing <- struct{}{}:
		defer func() { <-s.refreshing }()
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	if token, isValid := s.valid(rejected); isValid { // another request has refreshed it
		return token, nil
	}
	tokens, exists := s.current()
	if !exists {
		return "", nil
	}
	// A refresh is not interrupted with the request: its response has the only valid tokens.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshTime)
	defer cancel()
	return s.refresh(ctx, tokens.RefreshToken)
}

// refresh replaces the tokens. It ends the session if the shop has ended it.
func (s *session) refresh(ctx context.Context, token string) (string, error) {
	body, err := json.Marshal(SessionRefreshRequest{RefreshToken: token})
	if err != nil {
		return "", fmt.Errorf("refresh the session: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.server+"/v1/sessions/refresh", bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("refresh the session: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	begin := time.Now()
	response, err := s.transport.send(request, true)
	if err != nil {
		return "", fmt.Errorf("refresh the session: %w", err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		p := readProblem(response)
		if p.Code == "invalid_refresh_token" {
			s.end()
			return "", nil
		}
		return "", fmt.Errorf("refresh the session: %w", p)
	}
	defer response.Body.Close()
	var issued Tokens
	if err := json.NewDecoder(response.Body).Decode(&issued); err != nil || issued.AccessToken == "" {
		return "", errors.Join(errors.New("refresh the session: the response has no token"), err)
	}
	s.replace(token, issued, begin)
	return issued.AccessToken, nil
}

// replace stores new tokens, unless the customer has signed out or in meanwhile.
func (s *session) replace(spent string, issued Tokens, at time.Time) {
	if tokens, exists := s.current(); exists && tokens.RefreshToken == spent {
		s.begin(issued, at)
	}
}

// Package synthetic places orders as a test customer does: signs in, reads a product,
// places an order, waits until it is confirmed, and cancels it. In production it runs
// every five minutes, and during rollouts, so that there are requests and events to
// measure when there are no customers (docs/operations.md).
package synthetic

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	// requestTimeout bounds one request: a function may take 60 s, a customer waits less.
	requestTimeout = 20 * time.Second
	// cleanUpTimeout bounds the cancellation of an order and the end of a session after
	// the time of the run is over.
	cleanUpTimeout = 20 * time.Second
	// maxResponse is more than any response of these operations has.
	maxResponse = 1 << 20
)

// Config is whose order is placed, where, and of what.
type Config struct {
	URL             string
	Email, Password string
	ProductID       string
	// MaxWait is how long an order may take to be confirmed.
	MaxWait time.Duration
	// Poll is the time between two reads of an order.
	Poll time.Duration
}

// Outcome is what one order took.
type Outcome struct {
	OrderID string
	// Placed is from the request to the response, Confirmed from there to the
	// confirmation.
	Placed, Confirmed time.Duration
}

// Session is a customer who is signed in.
type Session struct {
	config Config
	client *http.Client
	token  string
}

// order is what is read of an order.
type order struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// SignIn returns the session of the test customer.
func SignIn(ctx context.Context, client *http.Client, c Config) (*Session, error) {
	s := &Session{config: c, client: client}
	var issued struct {
		AccessToken string `json:"accessToken"`
	}
	login := map[string]string{"email": c.Email, "password": c.Password}
	if err := s.send(ctx, http.MethodPost, "/v1/sessions", login, http.StatusCreated, &issued); err != nil {
		return nil, fmt.Errorf("sign in: %w", err)
	}
	s.token = issued.AccessToken
	return s, nil
}

// SignOut ends the session, also after the end of ctx.
func (s *Session) SignOut(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	if err := s.send(ctx, http.MethodDelete, "/v1/sessions/current", nil, http.StatusNoContent, nil); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// Order places an order and waits until it is confirmed. It cancels every order that it
// has placed, so that its stock is released.
func (s *Session) Order(ctx context.Context) (outcome Outcome, err error) {
	if err := s.send(ctx, http.MethodGet, "/v1/products/"+s.config.ProductID, nil, http.StatusOK, nil); err != nil {
		return outcome, fmt.Errorf("read the product: %w", err)
	}
	var placed order
	begin := time.Now()
	items := map[string]any{"items": []any{map[string]any{"productId": s.config.ProductID, "quantity": 1}}}
	key := uuid.NewString()
	if err := s.sendKeyed(ctx, "/v1/orders", key, items, http.StatusCreated, &placed); err != nil {
		return outcome, errors.Join(fmt.Errorf("place an order: %w", err), s.cancelUnknown(ctx, key, items))
	}
	outcome = Outcome{OrderID: placed.ID, Placed: time.Since(begin)}
	defer func() { err = errors.Join(err, s.cancel(ctx, placed.ID)) }()
	begin = time.Now()
	if err := s.waitForConfirmation(ctx, placed.ID); err != nil {
		return outcome, err
	}
	outcome.Confirmed = time.Since(begin)
	return outcome, nil
}

func (s *Session) waitForConfirmation(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.MaxWait, fmt.Errorf("not confirmed within %s", s.config.MaxWait))
	defer cancel()
	for {
		var o order
		if err := s.send(ctx, http.MethodGet, "/v1/orders/"+id, nil, http.StatusOK, &o); err != nil {
			return fmt.Errorf("read order %s: %w", id, err)
		}
		switch o.Status {
		case "confirmed":
			return nil
		case "pending":
		default:
			return fmt.Errorf("order %s is %s (%s), want confirmed", id, o.Status, o.Reason)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("order %s: %w", id, context.Cause(ctx))
		case <-time.After(s.config.Poll):
		}
	}
}

// cancelUnknown cancels the order of a request whose response was lost or an error, if the
// request has placed one. Sent again with its key, the request returns that order, or the
// one that it places now.
func (s *Session) cancelUnknown(ctx context.Context, key string, items any) error {
	again, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	var placed order
	if err := s.sendKeyed(again, "/v1/orders", key, items, http.StatusCreated, &placed); err != nil {
		return fmt.Errorf("find out whether an order was placed: %w", err)
	}
	return s.cancel(ctx, placed.ID)
}

// cancel cancels an order, also after the end of ctx. One that is decided against has
// nothing to cancel.
func (s *Session) cancel(ctx context.Context, id string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
	defer cancel()
	var cancelled order
	err := s.sendKeyed(ctx, "/v1/orders/"+id+"/cancel", uuid.NewString(), map[string]string{"reason": "synthetic order"}, http.StatusOK, &cancelled)
	if err != nil {
		return fmt.Errorf("cancel order %s: %w", id, err)
	}
	if cancelled.Status != "cancelled" {
		return fmt.Errorf("cancel order %s: it is %s", id, cancelled.Status)
	}
	return nil
}

// send sends a request and decodes the response. A product is read without a token, as
// customers do, so that caches may respond.
func (s *Session) send(ctx context.Context, method, path string, in any, want int, out any) error {
	return s.sendRequest(ctx, method, path, "", in, want, out)
}

// sendKeyed sends a POST with an idempotency key.
func (s *Session) sendKeyed(ctx context.Context, path, key string, in any, want int, out any) error {
	return s.sendRequest(ctx, http.MethodPost, path, key, in, want, out)
}

func (s *Session) sendRequest(ctx context.Context, method, path, key string, in any, want int, out any) error {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(s.config.URL, "/")+path, &body)
	if err != nil {
		return err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	if s.token != "" && !strings.HasPrefix(path, "/v1/products/") {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := s.client.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxResponse))
	if err != nil {
		return fmt.Errorf("read the response: %w", err)
	}
	if response.StatusCode != want {
		return fmt.Errorf("status %d (%s, trace %s), want %d", response.StatusCode, code(text), response.Header.Get("Trace-Id"), want)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decode the response: %w", err)
	}
	return nil
}

// code returns the code of a problem: the rest of a response may be personal.
func code(text []byte) string {
	var problem struct {
		Code string `json:"code"`
	}
	if json.Unmarshal(text, &problem) != nil || problem.Code == "" {
		return "no problem"
	}
	return problem.Code
}

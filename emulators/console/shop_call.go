package console

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
)

const (
	// shopTimeout bounds a request to the shop.
	shopTimeout = 30 * time.Second
	// maxShopBody is the most of a response that is read, in bytes.
	maxShopBody = 1 << 20
)

// callShop calls an operation of the shop as its first owner, in a session of its own. A refusal is an error of
// the user.
func (c *Console) callShop(ctx context.Context, method, path string, body, out any) error {
	call, cancel := context.WithTimeout(ctx, shopTimeout)
	defer cancel()
	var session struct{ AccessToken string }
	login := map[string]string{"email": c.options.Load.Email, "password": c.options.Load.Password}
	if err := c.sendToShop(call, http.MethodPost, "/v1/sessions", "", login, &session); err != nil {
		return fmt.Errorf("sign in to the shop: %w", err)
	}
	err := c.sendToShop(call, method, path, session.AccessToken, body, out)
	// A session remains neither if the browser disconnects, nor does the operation fail if it remains.
	end, stop := context.WithTimeout(context.WithoutCancel(ctx), shopTimeout)
	defer stop()
	if ended := c.sendToShop(end, http.MethodDelete, "/v1/sessions/current", session.AccessToken, nil, nil); ended != nil {
		c.log.Warn("sign out of the shop", "error", ended)
	}
	return err
}

// sendToShop sends a request, and decodes the response into out unless that is nil.
func (c *Console) sendToShop(ctx context.Context, method, path, token string, body, out any) error {
	content := io.Reader(http.NoBody)
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.options.Load.Gateway+path, content) //nolint:gosec // G704: paths of this package, with ids that are parsed
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Idempotency-Key", uuid.NewString())
	}
	response, err := (&http.Client{Transport: c.options.Load.Transport}).Do(r) //nolint:gosec // G704: as above
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxShopBody))
	if err != nil {
		return fmt.Errorf("read the response to %s %s: %w", method, path, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return shopRefusal(response.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decode the response to %s %s: %w", method, path, err)
	}
	return nil
}

// shopRefusal returns the error of a response: that of the user, if its status is 4xx.
func shopRefusal(status int, body []byte) error {
	var problem struct{ Detail string }
	if err := json.Unmarshal(body, &problem); err != nil || problem.Detail == "" {
		problem.Detail = http.StatusText(status)
	}
	if status < http.StatusInternalServerError {
		return fmt.Errorf("%w: %s", errInvalid, problem.Detail)
	}
	return fmt.Errorf("the shop responded with status %d: %s", status, problem.Detail)
}

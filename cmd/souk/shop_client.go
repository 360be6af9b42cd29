package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

const (
	// shopTimeout bounds one request to a shop: a function may take 60 s.
	shopTimeout = 70 * time.Second
	// maxShopResponse is more than any response that these commands read.
	maxShopResponse = 4 << 20
)

// shopFlags select the shop of a command and who calls it.
type shopFlags struct{ url string }

// add adds the flags to a command and its subcommands.
func (f *shopFlags) add(p *program, command *cobra.Command) {
	command.PersistentFlags().StringVar(&p.stateDir, "state-dir", defaultStateDir, "folder of the running system")
	command.PersistentFlags().StringVar(&f.url, "url", "", "address of the shop (default: the running system)")
}

// shopLogin describes how a command signs in, for its help.
const shopLogin = `The shop is the running system, as its first owner. With --url it is another shop, as the
account of SOUK_EMAIL and SOUK_PASSWORD, or with the access token of SOUK_ACCESS_TOKEN.
Neither has a flag: arguments are visible to other processes.`

// shopClient calls the operations of a shop.
type shopClient struct {
	url, token string
	ownSession bool // which it ends
	http       *http.Client
}

// withShop does something with the shop that is meant.
func (p *program) withShop(ctx context.Context, flags shopFlags, do func(*shopClient) error) error {
	shop, err := p.openShop(ctx, flags)
	if err != nil {
		return err
	}
	return errors.Join(do(shop), shop.signOut(ctx))
}

func (p *program) openShop(ctx context.Context, flags shopFlags) (*shopClient, error) {
	shop := &shopClient{url: strings.TrimSuffix(flags.url, "/"), http: &http.Client{Timeout: shopTimeout}}
	email, password := p.getenv("SOUK_EMAIL"), p.getenv("SOUK_PASSWORD")
	if shop.url == "" {
		status, err := p.status(ctx)
		if err != nil {
			return nil, err
		}
		shop.url, email, password = status.Gateway, cmp.Or(email, status.Admin.Email), cmp.Or(password, status.Admin.Password)
	}
	if shop.token = p.getenv("SOUK_ACCESS_TOKEN"); shop.token != "" {
		return shop, nil
	}
	if email == "" || password == "" {
		return nil, p.usageError("set SOUK_EMAIL and SOUK_PASSWORD, or SOUK_ACCESS_TOKEN")
	}
	var issued struct {
		AccessToken string `json:"accessToken"`
	}
	if err := shop.call(ctx, http.MethodPost, "/v1/sessions", map[string]string{"email": email, "password": password}, &issued); err != nil {
		return nil, fmt.Errorf("sign in as %s: %w", email, err)
	}
	shop.token, shop.ownSession = issued.AccessToken, true
	return shop, nil
}

// signOut ends the session of this command.
func (c *shopClient) signOut(ctx context.Context) error {
	if !c.ownSession {
		return nil
	}
	if err := c.call(context.WithoutCancel(ctx), http.MethodDelete, "/v1/sessions/current", nil, nil); err != nil {
		return fmt.Errorf("sign out: %w", err)
	}
	return nil
}

// call sends a request with a JSON body, and decodes the response into out, each if it is not nil. A
// change applies to any version of a resource. The error of a problem is its detail.
func (c *shopClient) call(ctx context.Context, method, path string, body, out any) error {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
		content = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, content)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	if c.token != "" {
		r.Header.Set("Authorization", "Bearer "+c.token)
	}
	switch method {
	case http.MethodPost:
		r.Header.Set("Idempotency-Key", uuid.NewString())
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		r.Header.Set("If-Match", "*")
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	response, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	defer response.Body.Close()
	return decodeShopResponse(response, method+" "+path, out)
}

func decodeShopResponse(response *http.Response, request string, out any) error {
	text, err := io.ReadAll(io.LimitReader(response.Body, maxShopResponse))
	if err != nil {
		return fmt.Errorf("read the response of %s: %w", request, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return shopProblem(response.StatusCode, text)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(text, out); err != nil {
		return fmt.Errorf("decode the response of %s: %w", request, err)
	}
	return nil
}

// shopError is a response with an error.
type shopError struct {
	status int
	text   string
	// locations are where the input is invalid.
	locations []string
}

// Error implements error.
func (e *shopError) Error() string { return e.text }

// has reports whether the input is invalid at a location.
func (e *shopError) has(location string) bool { return slices.Contains(e.locations, location) }

// shopProblem returns the error of a response.
func shopProblem(status int, text []byte) error {
	var problem struct {
		Detail string
		Errors []struct{ Location, Message string }
	}
	if err := json.Unmarshal(text, &problem); err != nil || problem.Detail == "" {
		return &shopError{status: status, text: fmt.Sprintf("the shop responded with status %d", status)}
	}
	failed := &shopError{status: status, text: problem.Detail}
	for _, e := range problem.Errors {
		failed.text += fmt.Sprintf("\n%s %s", e.Location, e.Message)
		failed.locations = append(failed.locations, e.Location)
	}
	return failed
}

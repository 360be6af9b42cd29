package rollout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"souk/shared/health"
	"souk/shared/manifest"
)

// smokeTimeout bounds the wait for the first response of a new address: its DNS name
// must propagate, and an instance must start.
const smokeTimeout = 60 * time.Second

// Smoke sends first requests to a new revision, at its own address. A revision that
// clients call must be alive, and each of its functions must respond itself. The
// requests change nothing: public reads are sent as they are, all others without a
// right to the operation, or without what it requires.
//
// A revision that Pub/Sub calls must be closed to everyone else, this caller included:
// an account that IAM let in could send events of its own. That such a revision starts
// is proven by its deployment, and that it handles events by the first orders that reach
// it: docs/rollout.md.
func Smoke(ctx context.Context, client *http.Client, run Run, url string) error {
	s := smoke{client: client, url: strings.TrimRight(url, "/")}
	first := s.lives
	if run.Kind == Push {
		first = s.closed
	}
	if _, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, first(ctx) },
		backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxElapsedTime(smokeTimeout)); err != nil {
		return fmt.Errorf("%s at %s: %w", run.Name, url, err)
	}
	if run.Kind == Push {
		return nil
	}
	var errs []error
	for _, f := range run.Functions {
		if err := s.function(ctx, f); err != nil {
			errs = append(errs, fmt.Errorf("%s at %s: %w", f.Name, url, err))
		}
	}
	return errors.Join(errs...)
}

type smoke struct {
	client *http.Client
	url    string
}

func (s smoke) lives(ctx context.Context) error {
	status, _, err := s.send(ctx, http.MethodGet, health.Path, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s responds with %d, want 200", health.Path, status)
	}
	return err
}

// closed reports whether IAM refuses a request without a token before the function sees
// it. Cloud Run responds with a page then, the shop would with JSON:
// https://cloud.google.com/run/docs/troubleshooting#401
func (s smoke) closed(ctx context.Context) error {
	status, kind, err := s.send(ctx, http.MethodPost, "/", `{}`)
	refused := status == http.StatusForbidden || status == http.StatusUnauthorized
	switch {
	case err != nil:
		return err
	case strings.Contains(kind, "json") || status/100 == 2:
		return backoff.Permanent(fmt.Errorf("a request without a token gets %d as %q, want IAM's 403: callers other than Pub/Sub reach it", status, kind))
	case !refused:
		return fmt.Errorf("a request without a token gets %d, want IAM's 403", status)
	}
	return nil
}

// function sends a request that the function itself must respond to.
func (s smoke) function(ctx context.Context, f manifest.Function) error {
	method, path, _ := strings.Cut(f.HTTP, " ")
	body, want := `{}`, []int{http.StatusUnauthorized}
	switch {
	case f.Access == manifest.Anyone && method == http.MethodGet && !strings.Contains(path, "{"):
		want, body = []int{http.StatusOK}, ""
	case f.Access == manifest.Anyone && method == http.MethodGet:
		want, body = []int{http.StatusNotFound}, ""
	case f.Access == manifest.Anyone:
		want = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusUnprocessableEntity}
	}
	for strings.Contains(path, "{") {
		before, rest, _ := strings.Cut(path, "{")
		_, after, _ := strings.Cut(rest, "}")
		path = before + unknownID + after
	}
	status, kind, err := s.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	// Cloud Run's own refusals are pages; the shop's are JSON.
	if !strings.Contains(kind, "json") {
		return fmt.Errorf("%s %s responds with %d as %q: that is not the function", method, path, status, kind)
	}
	if !slices.Contains(want, status) {
		return fmt.Errorf("%s %s responds with %d, want %v", method, path, status, want)
	}
	return nil
}

// unknownID is an id that no row has: a UUID of version 7, of the year 1970.
const unknownID = "00000000-0000-7000-8000-000000000000"

func (s smoke) send(ctx context.Context, method, path, body string) (status int, kind string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("ask %s: %w", path, err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := s.client.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("ask %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return 0, "", fmt.Errorf("read the response of %s: %w", path, err)
	}
	kind, _, _ = mime.ParseMediaType(response.Header.Get("Content-Type")) // none is none of ours
	return response.StatusCode, kind, nil
}

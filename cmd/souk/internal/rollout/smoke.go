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

// smokePatience is how long an address that was just made may take to answer: its
// name must get around, and an instance must start.
const smokePatience = 60 * time.Second

// Smoke sends first requests to a new revision, at its own address: whether it lives,
// and one to each of its functions, which must come from the function itself. They
// change nothing: public reads are made, all else is sent without a right to it, or
// without what it needs. token gives the identity token for an audience, with which
// IAM lets in what Pub/Sub may call; the function then refuses it, for it is not
// Pub/Sub's.
func Smoke(ctx context.Context, client *http.Client, run Run, url string, token func(ctx context.Context, audience string) (string, error)) error {
	bearer := ""
	if run.Kind == Push {
		var err error
		// Its audience is the service, not the address of a tag:
		// https://cloud.google.com/run/docs/authenticating/service-to-service
		if bearer, err = token(ctx, strings.Replace(url, TagNext+"---", "", 1)); err != nil {
			return fmt.Errorf("get a token for %s: %w", run.Name, err)
		}
	}
	s := smoke{client: client, url: strings.TrimRight(url, "/"), bearer: bearer}
	if _, err := backoff.Retry(ctx, func() (struct{}, error) { return struct{}{}, s.lives(ctx) },
		backoff.WithBackOff(backoff.NewExponentialBackOff()), backoff.WithMaxElapsedTime(smokePatience)); err != nil {
		return fmt.Errorf("%s at %s: %w", run.Name, url, err)
	}
	var faults []error
	for _, f := range run.Functions {
		if err := s.function(ctx, f); err != nil {
			faults = append(faults, fmt.Errorf("%s at %s: %w", f.Name, url, err))
		}
	}
	return errors.Join(faults...)
}

type smoke struct {
	client      *http.Client
	url, bearer string
}

func (s smoke) lives(ctx context.Context) error {
	status, _, err := s.send(ctx, http.MethodGet, health.Path, "")
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answers %d, want 200", health.Path, status)
	}
	return err
}

// function sends a request that the function itself must answer.
func (s smoke) function(ctx context.Context, f manifest.Function) error {
	method, path, body, want := http.MethodPost, "/"+f.Name, `{}`, []int{http.StatusUnauthorized, http.StatusForbidden}
	if f.HTTP != "" {
		method, path, _ = strings.Cut(f.HTTP, " ")
		want = []int{http.StatusUnauthorized}
		switch {
		case f.Access == manifest.Anyone && method == http.MethodGet && !strings.Contains(path, "{"):
			want, body = []int{http.StatusOK}, ""
		case f.Access == manifest.Anyone && method == http.MethodGet:
			want, body = []int{http.StatusNotFound}, ""
		case f.Access == manifest.Anyone:
			want = []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusUnprocessableEntity}
		}
	}
	for strings.Contains(path, "{") {
		before, rest, _ := strings.Cut(path, "{")
		_, after, _ := strings.Cut(rest, "}")
		path = before + nobody + after
	}
	status, kind, err := s.send(ctx, method, path, body)
	if err != nil {
		return err
	}
	// Cloud Run's own refusals are pages; the shop's are JSON.
	if !strings.Contains(kind, "json") {
		return fmt.Errorf("%s %s answers %d as %q: that is not the function", method, path, status, kind)
	}
	if !slices.Contains(want, status) {
		return fmt.Errorf("%s %s answers %d, want %v", method, path, status, want)
	}
	return nil
}

// nobody is an id that nothing has: a UUID of version 7, of the year 1970.
const nobody = "00000000-0000-7000-8000-000000000000"

func (s smoke) send(ctx context.Context, method, path, body string) (status int, kind string, err error) {
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("ask %s: %w", path, err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	if s.bearer != "" {
		request.Header.Set("Authorization", "Bearer "+s.bearer)
	}
	answer, err := s.client.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("ask %s: %w", path, err)
	}
	defer func() { err = errors.Join(err, answer.Body.Close()) }()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return 0, "", fmt.Errorf("read the answer of %s: %w", path, err)
	}
	kind, _, _ = mime.ParseMediaType(answer.Header.Get("Content-Type")) // none is none of ours
	return answer.StatusCode, kind, nil
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const listenSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="

// hookShop is a shop with webhooks. It sends a test event when it is asked to.
type hookShop struct {
	*httptest.Server

	// refused is a problem in place of a new webhook, silent that test events are not sent.
	refused string
	silent  bool

	mu      sync.Mutex
	hooks   []shopWebhook
	deleted []string
}

func newHookShop(t *testing.T, hooks ...shopWebhook) *hookShop {
	t.Helper()
	s := &hookShop{hooks: hooks}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/webhooks", func(w http.ResponseWriter, _ *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		_ = json.NewEncoder(w).Encode(map[string]any{"items": s.hooks})
	})
	mux.HandleFunc("POST /v1/webhooks", s.create)
	mux.HandleFunc("DELETE /v1/webhooks/{id}", s.remove)
	mux.HandleFunc("POST /v1/webhooks/{id}/test", func(w http.ResponseWriter, _ *http.Request) {
		if !s.silent {
			go s.send(t)
		}
		_, _ = io.WriteString(w, `{}`)
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *hookShop) create(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refused != "" {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, s.refused)
		return
	}
	hook := shopWebhook{ID: "new"}
	if err := json.NewDecoder(r.Body).Decode(&hook); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.hooks = append(s.hooks, hook)
	hook.Secret = listenSecret
	_ = json.NewEncoder(w).Encode(hook)
}

func (s *hookShop) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.hooks)
	s.hooks = slices.DeleteFunc(s.hooks, func(h shopWebhook) bool { return h.ID == r.PathValue("id") })
	if len(s.hooks) == before {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	s.deleted = append(s.deleted, r.PathValue("id"))
	w.WriteHeader(http.StatusNoContent)
}

// send sends a test event to the last webhook.
func (s *hookShop) send(t *testing.T) {
	s.mu.Lock()
	address := s.hooks[len(s.hooks)-1].URL
	s.mu.Unlock()
	body, now := []byte(`{"type": "webhook.test"}`), time.Now()
	signer, err := standardwebhooks.NewWebhook(listenSecret)
	if err != nil {
		t.Error(err)
		return
	}
	signature, err := signer.Sign("E", now, body)
	if err != nil {
		t.Error(err)
		return
	}
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return
	}
	r.Header = http.Header{"Webhook-Id": {"E"}, "Webhook-Timestamp": {strconv.FormatInt(now.Unix(), 10)}, "Webhook-Signature": {signature}}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Error(err)
		return
	}
	_ = response.Body.Close()
}

// lockedBuffer is what a program prints from several goroutines.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// listenUntil runs souk listen until it has printed a text, or to its end if that is empty.
func listenUntil(t *testing.T, s *hookShop, o listenOptions, text string) (output string, err error) {
	t.Helper()
	out := &lockedBuffer{}
	getenv := func(name string) string { return map[string]string{"SOUK_ACCESS_TOKEN": "token"}[name] }
	p := &program{getenv: getenv, stdout: out, stderr: out}
	ctx, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	go func() {
		for ctx.Err() == nil && (text == "" || !strings.Contains(out.String(), text)) {
			time.Sleep(time.Millisecond)
		}
		stop()
	}()
	err = p.listen(ctx, shopFlags{url: s.URL}, o)
	if output = out.String(); !strings.Contains(output, text) {
		t.Errorf("it has not printed %q:\n%s", text, output)
	}
	return output, err
}

// TestListenStale requires that only webhooks of commands on this machine that do not run are deleted.
func TestListenStale(t *testing.T) {
	t.Parallel()
	const nothing = "http://127.0.0.1:1/souk-listen/X"
	s := newHookShop(t,
		shopWebhook{ID: "stale", URL: nothing, Description: listenDescription()},
		shopWebhook{ID: "another machine's", URL: nothing, Description: listenDescription() + "-2"},
		shopWebhook{ID: "the warehouse's", URL: nothing, Description: "Warehouse"})
	output, err := listenUntil(t, s, listenOptions{events: []string{"*"}}, listenSecret)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"stale", "new"}; !slices.Equal(s.deleted, want) || !strings.Contains(output, "deleted webhook stale") {
		t.Errorf("it has deleted %v, want %v:\n%s", s.deleted, want, output)
	}
}

func TestListenAdvice(t *testing.T) {
	t.Parallel()
	t.Run("a shop that does not send to this machine", func(t *testing.T) {
		t.Parallel()
		s := newHookShop(t)
		s.refused = `{"detail": "invalid", "errors": [{"location": "body.url", "message": "must begin with https://"}]}`
		_, err := listenUntil(t, s, listenOptions{events: []string{"*"}}, "")
		if err == nil || !strings.Contains(err.Error(), "must begin with https://") || !strings.Contains(err.Error(), "--public-url") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a test event that does not arrive", func(t *testing.T) {
		t.Parallel()
		s := newHookShop(t)
		s.silent = true
		if _, err := listenUntil(t, s, listenOptions{test: true, testTimeout: 10 * time.Millisecond}, "the test event has not arrived"); err != nil {
			t.Error(err)
		}
	})
	t.Run("a program that responds with 410", func(t *testing.T) {
		t.Parallel()
		gone := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) }))
		t.Cleanup(gone.Close)
		target, err := url.Parse(gone.URL)
		if err != nil {
			t.Fatal(err)
		}
		output, err := listenUntil(t, newHookShop(t), listenOptions{test: true, target: target}, "Start souk listen again")
		if err != nil || !strings.Contains(output, fmt.Sprintf("webhook.test        E  %d", http.StatusGone)) || strings.Contains(output, "has not arrived") {
			t.Errorf("%v\n%s", err, output)
		}
	})
	t.Run("a webhook that was deleted meanwhile", func(t *testing.T) {
		t.Parallel()
		s := newHookShop(t)
		s.silent = true
		go func() {
			for vanished := false; !vanished; time.Sleep(time.Millisecond) {
				s.mu.Lock()
				vanished, s.hooks = len(s.hooks) > 0, nil
				s.mu.Unlock()
			}
		}()
		if _, err := listenUntil(t, s, listenOptions{test: true, testTimeout: 50 * time.Millisecond}, "has not arrived"); err != nil {
			t.Errorf("got %v", err)
		}
	})
}

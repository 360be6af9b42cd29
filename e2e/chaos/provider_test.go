package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"souk/functions/fixtures"
)

const (
	providerKey    = "chaos-provider-key-0123456789abcdef"
	providerSecret = "chaos-webhook-secret-0123456789abcdef"
)

// provider is a payment provider in a process of its own: `souk payment`.
type provider struct {
	s       *system
	port    int
	dir     string
	command *exec.Cmd
}

func (p *provider) url() string { return fmt.Sprintf("http://127.0.0.1:%d", p.port) }

// environment returns the variables by which the system uses the provider.
func (p *provider) environment() []string {
	return []string{
		"PAYMENT_PROVIDER_URL=" + p.url(), "PAYMENT_API_KEY=" + providerKey, "PAYMENT_WEBHOOK_SECRET=" + providerSecret,
		"PAYMENT_REQUEST_TIMEOUT=" + providerTimeout.String(), "PAYMENT_MAX_DECLINES_PER_CUSTOMER=100000000", "PAYMENT_MAX_DECLINES_PER_NETWORK=100000000",
	}
}

// start starts the provider and returns when it responds.
func (p *provider) start() error {
	p.command = exec.Command(filepath.Join(p.s.bin, "souk"), "payment", fmt.Sprintf("--http=127.0.0.1:%d", p.port), "--dir="+p.dir,
		fmt.Sprintf("--webhook=http://127.0.0.1:%d/v1/payments/local/webhook", p.s.port))
	p.command.Env = append(os.Environ(), p.environment()...)
	p.command.Stdout, p.command.Stderr = p.s.output, p.s.output
	p.command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.command.Start(); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func(command *exec.Cmd) { ended <- command.Wait() }(p.command)
	for deadline := time.Now().Add(startTimeout); ; {
		if _, err := p.get("/v1/books"); err == nil {
			return nil
		} else if time.Now().After(deadline) {
			return fmt.Errorf("the provider was not ready after %s: %w", startTimeout, err)
		}
		select {
		case err := <-ended:
			return fmt.Errorf("the provider ended: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// kill kills the provider, and starts it again after a pause.
func (p *provider) kill(pause time.Duration) error {
	if err := p.command.Process.Kill(); err != nil {
		return err
	}
	time.Sleep(pause)
	// The lock of the journal is released when start's goroutine has reaped the process.
	for deadline := time.Now().Add(startTimeout); ; time.Sleep(20 * time.Millisecond) {
		if err := p.start(); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}

// suspend suspends the provider for a time.
func (p *provider) suspend(pause time.Duration) error {
	if err := p.command.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	time.Sleep(pause)
	return p.command.Process.Signal(syscall.SIGCONT)
}

func (p *provider) stop(t *testing.T) {
	t.Helper()
	if p.command == nil || p.command.Process == nil {
		return
	}
	if err := p.command.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("stop the provider: %v", err)
	}
}

// inject injects a fault of the provider.
func (p *provider) inject(fault fixtures.Object) error {
	_, err := p.send(http.MethodPost, "/control/faults", fault)
	return err
}

// clearFaults removes the faults that have not happened, so that the end is without any.
func (p *provider) clearFaults() error {
	_, err := p.send(http.MethodDelete, "/control/faults", nil)
	return err
}

func (p *provider) get(path string) (map[string]json.RawMessage, error) {
	return p.send(http.MethodGet, path, nil)
}

// send sends a request to the provider's API, and returns the members of the response.
func (p *provider) send(method, path string, body fixtures.Object) (map[string]json.RawMessage, error) {
	ctx, cancel := context.WithTimeout(context.Background(), requestTimeout)
	defer cancel()
	var content bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&content).Encode(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, p.url()+path, &content)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+providerKey)
	r.Header.Set("Content-Type", "application/json")
	got, err := transport.Do(r)
	if err != nil {
		return nil, err
	}
	defer got.Body.Close()
	members := map[string]json.RawMessage{}
	if err := json.NewDecoder(got.Body).Decode(&members); err != nil {
		return nil, fmt.Errorf("%s %s: %s: %w", method, path, got.Status, err)
	}
	if got.StatusCode >= http.StatusBadRequest {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, got.Status, members["detail"])
	}
	return members, nil
}

// transaction is a payment in the provider's books.
type transaction struct {
	ID, Reference, State, Currency         string
	Amount, CapturedAmount, RefundedAmount int64
}

// transactions returns all payments of the provider, by the order's id.
func (p *provider) transactions(t *testing.T) map[string][]transaction {
	t.Helper()
	byOrder := map[string][]transaction{}
	for path := "/v1/payments?pageSize=100"; ; {
		page, err := p.get(path)
		if err != nil {
			t.Fatal(err)
		}
		var items []transaction
		var token string
		err = json.Unmarshal(page["items"], &items)
		if text, more := page["nextPageToken"]; err == nil && more {
			err = json.Unmarshal(text, &token)
		}
		if err != nil {
			t.Fatalf("%v: %s", err, page)
		}
		for _, item := range items {
			byOrder[item.Reference] = append(byOrder[item.Reference], item)
		}
		if token == "" {
			return byOrder
		}
		path = "/v1/payments?pageSize=100&pageToken=" + token
	}
}

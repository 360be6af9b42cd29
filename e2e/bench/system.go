package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/uuid"

	"souk/emulators/local"
	"souk/shared/auth"
	"souk/shared/config"
)

const (
	startTimeout = 2 * time.Minute
	// audience is that of the access tokens of a local system.
	audience = "souk"
)

// limits raise the limits of customers and logins, which the load would reach.
var limits = []string{
	"ORDER_MAX_OPEN=1000000", "ORDER_MAX_PIECES=1000000", "ORDER_MAX_UNPAID=1000000", "ORDER_MAX_UNPAID_OF_NETWORK=1000000",
	"USER_LOGIN_TRIES=1000000", "USER_LOGIN_TRIES_PER_NETWORK=1000000", "USER_LOGIN_TRIES_PER_ACCOUNT=1000000",
}

// system is a shop that `souk up` runs.
type system struct {
	side    side
	process *exec.Cmd
	status  local.Status
	// address is that of the gateway.
	address string
	signer  *auth.Signer
}

// start starts the system of a side on the durable server.
func (b *bench) start(ctx context.Context, s side) (*system, error) {
	up := exec.Command(s.program("souk"), "up", "--port=0", "--state-dir="+s.state) //nolint:noctx // stop ends it
	payments := "PAYMENTS=off"
	if s.payments {
		payments = "PAYMENTS=on"
	}
	up.Env = append(append(os.Environ(), limits...), payments, "DATABASE_URL="+string(b.server.AdminURL())+s.name)
	var output bytes.Buffer
	up.Stdout, up.Stderr = io.Discard, &output
	up.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C ends it through stop
	if err := up.Start(); err != nil {
		return nil, fmt.Errorf("start the system %s: %w", s.name, err)
	}
	started := &system{side: s, process: up}
	if err := started.await(ctx); err != nil {
		return nil, errors.Join(err, started.stop(), errors.New(output.String()))
	}
	return started, nil
}

// await waits until the system serves.
func (s *system) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for {
		status := exec.CommandContext(ctx, s.side.program("souk"), "status", "--json", "--state-dir="+s.side.state)
		out, err := status.Output()
		if err == nil && json.Unmarshal(out, &s.status) == nil && s.status.Gateway != "" {
			return s.connect()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the system %s: %w; souk status: %w", s.side.name, ctx.Err(), err)
		case <-poll.C:
		}
	}
}

// connect reads the address of the gateway and the key that signs access tokens.
func (s *system) connect() error {
	gateway, err := url.Parse(s.status.Gateway)
	if err != nil {
		return fmt.Errorf("the gateway of %s: %w", s.side.name, err)
	}
	s.address = gateway.Host
	text, err := os.ReadFile(filepath.Join(s.side.state, "secrets.json"))
	if err != nil {
		return err
	}
	var secrets struct {
		SigningKey string `json:"signingKey"`
	}
	if err := json.Unmarshal(text, &secrets); err != nil {
		return fmt.Errorf("read the keys of %s: %w", s.side.name, err)
	}
	s.signer, err = auth.NewSigner(auth.SignerConfig{
		Issuer: s.status.Gateway, Audience: audience, Keys: config.NewSecret(secrets.SigningKey),
	})
	return err
}

// token returns an access token of a user.
func (s *system) token(user uuid.UUID, role auth.Role) (string, error) {
	permissions, _ := role.BuiltIn()
	return s.signer.Sign(auth.Principal{UserID: user, Role: role, Permissions: permissions}, time.Now(), auth.AccessTokenTTL)
}

func (s *system) pid() int { return s.process.Process.Pid }

// stop stops the system as Ctrl-C does. Its data stays.
func (s *system) stop() error {
	if err := s.process.Process.Signal(os.Interrupt); err != nil {
		return fmt.Errorf("stop the system %s: %w", s.side.name, err)
	}
	if err := s.process.Wait(); err != nil {
		return fmt.Errorf("stop the system %s: %w", s.side.name, err)
	}
	return nil
}

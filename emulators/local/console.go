//go:build !container

package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"

	"souk/emulators/console"
	"souk/emulators/gateway"
	"souk/emulators/load"
	"souk/functions/order/history"
	"souk/shared/trail"
)

const (
	// consolePage is the preferred address of the console, so that it is the same on each
	// start.
	consolePage = "127.0.0.1:8090"
	// consoleToken is the file of the token that allows actions in the console.
	consoleToken = "console-token"
)

// consoleServer is the console with its server.
type consoleServer struct {
	*console.Console
	url, token string
}

func (c *consoleServer) status() ConsoleStatus {
	return ConsoleStatus{URL: c.url, Link: console.EntryLink(c.url, c.token)}
}

// link returns the link on the gateway's page.
func (c *consoleServer) link() gateway.Link {
	return gateway.ConsoleLink(c.url)
}

// startConsole serves the console on its own port of 127.0.0.1.
func (s *System) startConsole(ctx context.Context) (string, error) {
	token, err := s.state.token(consoleToken)
	if err != nil {
		return "", err
	}
	databases, err := s.adminURLs()
	if err != nil {
		return "", err
	}
	c, err := console.New(console.Options{
		Manifest: s.options.Manifest, Token: token, Hosts: s.options.Hosts, Logger: s.log.With("part", "console"),
		Links: []console.Link{
			{Title: "Gateway", URL: s.gatewayURL()}, {Title: "API", URL: s.gatewayURL() + gateway.DocsPath}, {Title: "Mail", URL: s.mail.URL()},
			{Title: "Payments", URL: s.paymentURL},
		},
		Functions: s.platform.Services, Topics: s.broker.Stats, RunSchedule: s.scheduler.Run,
		FunctionLog: s.state.file(functionLog),
		Traces:      s.traces.store, Databases: databases, Trails: map[string]trail.Source{"order": history.Entries}, Messages: s.messages(), Undelivered: s.undelivered, MailURL: s.mail.URL(),
		Load: &load.Target{
			Gateway: s.gatewayURL(), Email: s.secrets.Admin.Email, Password: s.secrets.Admin.Password, Customers: s.Customers,
		},
		Lab: s.options.Lab,
	})
	if err != nil {
		return "", err
	}
	watching := c.Watching
	s.traces.watching.Store(&watching)
	listener, err := s.listenConsole(ctx)
	if err != nil {
		c.Close()
		return "", err
	}
	s.console = &consoleServer{Console: c, url: "http://" + listener.Addr().String(), token: token}
	serving, cancel := context.WithCancel(context.WithoutCancel(ctx))
	served := make(chan error, 1)
	go func() {
		err := console.Serve(serving, listener, c)
		if err != nil {
			s.fail(err)
		}
		served <- err
	}()
	s.started("console", func(context.Context) error { cancel(); return <-served })
	return s.console.url, nil
}

// listenConsole listens on the preferred port, or on a free one if that is in use.
func (s *System) listenConsole(ctx context.Context) (net.Listener, error) {
	address := consolePage
	if s.options.Port == 0 {
		address = "127.0.0.1:0"
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) { // by a second system or another program
		listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	}
	if err != nil {
		return nil, fmt.Errorf("listen for the console: %w", err)
	}
	return listener, nil
}

// token returns the random token in a file, which it creates if it is missing. It stays the
// same, so that browsers need the link once.
func (s *state) token(name string) (string, error) {
	text, err := os.ReadFile(s.file(name))
	if token := strings.TrimSpace(string(text)); err == nil && token != "" {
		return token, nil
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("read the token of the console: %w", err)
	}
	token := rand.Text()
	return token, s.writeFile(name, []byte(token+"\n"))
}

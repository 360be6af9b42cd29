// Package mail is a local mail server: it accepts every mail, forwards none, and shows
// them on a web page. Tests read them through its API.
package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"souk/emulators/hostcheck"
	"souk/shared/health"
	"souk/shared/mail/catch"
)

// Options configures a server. An empty address is a free port of 127.0.0.1.
type Options struct {
	SMTP, HTTP string
	// Hosts are allowed host names of the page in addition to those of this machine.
	Hosts hostcheck.Hosts
	// Logger receives failed SMTP sessions, but never the content of mails.
	Logger *slog.Logger
}

// Server is a running mail server.
type Server struct {
	mail   *catch.Server
	web    *http.Server
	box    *box
	smtp   net.Addr
	http   net.Addr
	served chan error
	// failed receives the error that stopped the page.
	failed chan error
}

// Start starts a server, which runs until Close. ctx applies to the start only.
func Start(ctx context.Context, o Options) (*Server, error) {
	const free = "127.0.0.1:0"
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	incoming, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cmp.Or(o.SMTP, free))
	if err != nil {
		return nil, fmt.Errorf("listen for mail: %w", err)
	}
	page, err := (&net.ListenConfig{}).Listen(ctx, "tcp", cmp.Or(o.HTTP, free))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the mail page: %w", err), incoming.Close())
	}
	s := &Server{
		box: newBox(), smtp: incoming.Addr(), http: page.Addr(),
		served: make(chan error, 1), failed: make(chan error, 1),
	}
	s.mail = catch.Serve(incoming, catch.Options{Logger: o.Logger, Unread: true, Deliver: func(letter catch.Letter) error {
		s.box.put(letter, time.Now().UTC())
		return nil
	}})
	s.web = &http.Server{
		Handler: o.Hosts.Handler(health.Handler(handler(s.box))), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 10 * time.Second,
		WriteTimeout: maxWait + 10*time.Second, IdleTimeout: time.Minute,
		ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	go func() {
		err := s.web.Serve(page)
		s.failed <- err
		s.served <- err
	}()
	return s, nil
}

// SMTP returns the URL for sending mail.
func (s *Server) SMTP() string { return "smtp://" + s.smtp.String() }

// URL returns the URL of the page and the API.
func (s *Server) URL() string { return "http://" + s.http.String() }

// Wait waits until ctx is done and returns nil, or until the server fails and returns the
// error.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.failed:
		return fmt.Errorf("serve the mail page: %w", err)
	}
}

// Close stops the server and deletes its mail.
func (s *Server) Close(ctx context.Context) error {
	s.box.close() // ends requests that wait for mail
	err := s.mail.Close(ctx)
	if shutdownErr := s.web.Shutdown(ctx); shutdownErr != nil {
		err = errors.Join(err, fmt.Errorf("stop the mail page: %w", shutdownErr), s.web.Close())
	}
	<-s.served
	return err
}

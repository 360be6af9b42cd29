// Package mail is the shop's mail server on one machine: it takes every mail in,
// sends none of them on, and shows them in a browser. Tests read them by its API.
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

// Options says where to listen. An empty address is a free port of 127.0.0.1.
type Options struct {
	SMTP, HTTP string
	// Hosts are the names that the page is called by besides those of this machine.
	Hosts hostcheck.Hosts
	// Logger hears of conversations that broke off, never of what mails say.
	Logger *slog.Logger
}

// Server is a mail server that runs.
type Server struct {
	mail   *catch.Server
	web    *http.Server
	box    *box
	smtp   net.Addr
	http   net.Addr
	served chan error
	// fault is why the page is served no more, before Close.
	fault chan error
}

// Start starts a server. It runs until Close; ctx is for starting alone.
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
		return nil, errors.Join(fmt.Errorf("listen for the mail's readers: %w", err), incoming.Close())
	}
	s := &Server{
		box: newBox(), smtp: incoming.Addr(), http: page.Addr(),
		served: make(chan error, 1), fault: make(chan error, 1),
	}
	s.mail = catch.Serve(incoming, catch.Options{Logger: o.Logger, Take: func(letter catch.Letter) error {
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
		s.fault <- err
		s.served <- err
	}()
	return s, nil
}

// SMTP is the URL to send mail by.
func (s *Server) SMTP() string { return "smtp://" + s.smtp.String() }

// URL is where to read mail, in a browser and by the API.
func (s *Server) URL() string { return "http://" + s.http.String() }

// Wait returns nil when ctx ends, or the reason when the server cannot go on.
func (s *Server) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.fault:
		return fmt.Errorf("serve the mail page: %w", err)
	}
}

// Close stops the server. Its mail is gone.
func (s *Server) Close(ctx context.Context) error {
	s.box.close() // those who wait for mail wait no longer
	err := s.mail.Close(ctx)
	if fault := s.web.Shutdown(ctx); fault != nil {
		err = errors.Join(err, fmt.Errorf("stop the mail page: %w", fault), s.web.Close())
	}
	<-s.served
	return err
}

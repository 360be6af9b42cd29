// Package mailtest is a mail server for tests: real SMTP, and every answer a test
// can think of.
package mailtest

import (
	"context"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"souk/shared/config"
	"souk/shared/mail"
	"souk/shared/mail/catch"
)

// patience bounds every wait. It is no measure of how long anything takes.
const patience = time.Minute

// Server is a mail server of one test.
type Server struct {
	// URL is what SMTP_URL must be to send by it.
	URL string

	mu      sync.Mutex
	letters []catch.Letter
	asked   int
	opened  []net.Conn
	refusal func(address string) error
	taking  func(catch.Letter) error
}

// Start serves mail until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for mail: %v", err)
	}
	s := &Server{URL: "smtp://" + listener.Addr().String()}
	server := catch.Serve(&recorder{listener, s}, catch.Options{Take: s.take, Recipient: s.recipient})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Errorf("stop the mail server: %v", err)
		}
	})
	return s
}

// Config is what sends by the server.
func (s *Server) Config() mail.Config {
	return mail.Config{URL: config.NewSecret(s.URL), From: From}
}

// From is whom the mails of tests are from.
const From = "Souk <shop@souk.test>"

// Environment is Config as environment variables.
func (s *Server) Environment() config.Environment {
	return config.Environment{"SMTP_URL": s.URL, "MAIL_FROM": From}
}

// Refuse makes an answer of the server's to each recipient, until it is given nil.
func (s *Server) Refuse(answer func(address string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = answer
}

// Taking has a hook called with each mail before the server says that it took it.
func (s *Server) Taking(hook func(catch.Letter) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.taking = hook
}

func (s *Server) recipient(address string) error {
	s.mu.Lock()
	refusal := s.refusal
	s.asked++
	s.mu.Unlock()
	if refusal == nil {
		return nil
	}
	return refusal(address)
}

func (s *Server) take(letter catch.Letter) error {
	s.mu.Lock()
	taking := s.taking
	s.mu.Unlock()
	if taking != nil {
		if err := taking(letter); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, letter)
	return nil
}

// recorder notes the connections that clients open.
type recorder struct {
	net.Listener

	server *Server
}

// Accept is net.Listener's.
func (r *recorder) Accept() (net.Conn, error) {
	conn, err := r.Listener.Accept()
	if err == nil {
		r.server.mu.Lock()
		defer r.server.mu.Unlock()
		r.server.opened = append(r.server.opened, conn)
	}
	return conn, err
}

// Connections is how many connections clients have opened.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.opened)
}

// Disconnect closes all connections, as a server does that was idle for long.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.opened {
		_ = conn.Close() // may be closed already
	}
}

// Asked is how many recipients the server has been asked for.
func (s *Server) Asked() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// To returns the mails to an address, oldest first.
func (s *Server) To(address string) []catch.Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	var to []catch.Letter
	for _, letter := range s.letters {
		if slices.ContainsFunc(letter.To, func(other string) bool { return strings.EqualFold(other, address) }) {
			to = append(to, letter)
		}
	}
	return to
}

// MustHave returns the one mail to an address.
func (s *Server) MustHave(t testing.TB, address string) catch.Letter {
	t.Helper()
	letters := s.To(address)
	if len(letters) != 1 {
		t.Fatalf("%d mails to %s, want 1", len(letters), address)
	}
	return letters[0]
}

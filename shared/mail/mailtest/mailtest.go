// Package mailtest provides a mail server for tests. It speaks real SMTP, and tests choose
// its replies.
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

// timeout bounds every wait. It is far longer than any wait should take.
const timeout = time.Minute

// Server is a mail server of one test.
type Server struct {
	// URL is the SMTP_URL of the server.
	URL string

	mu         sync.Mutex
	letters    []catch.Letter
	recipients int
	opened     []net.Conn
	refusal    func(address string) error
	onMessage  func(catch.Letter) error
}

// Start serves mail until the test ends.
func Start(t testing.TB) *Server {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for mail: %v", err)
	}
	s := &Server{URL: "smtp://" + listener.Addr().String()}
	server := catch.Serve(&recorder{listener, s}, catch.Options{Deliver: s.deliver, Recipient: s.recipient})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), timeout)
		defer cancel()
		if err := server.Close(ctx); err != nil {
			t.Errorf("stop the mail server: %v", err)
		}
	})
	return s
}

// Config returns the settings of a Sender that uses the server.
func (s *Server) Config() mail.Config {
	return mail.Config{URL: config.NewSecret(s.URL), From: From}
}

// From is the sender of tests' mails.
const From = "Souk <shop@souk.test>"

// Environment returns Config as environment variables.
func (s *Server) Environment() config.Environment {
	return config.Environment{"SMTP_URL": s.URL, "MAIL_FROM": From}
}

// Refuse sets a hook whose error is the reply to each recipient. nil removes it.
func (s *Server) Refuse(refusal func(address string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = refusal
}

// OnMessage sets a hook that is called with each mail before the server accepts it.
func (s *Server) OnMessage(hook func(catch.Letter) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onMessage = hook
}

func (s *Server) recipient(address string) error {
	s.mu.Lock()
	refusal := s.refusal
	s.recipients++
	s.mu.Unlock()
	if refusal == nil {
		return nil
	}
	return refusal(address)
}

func (s *Server) deliver(letter catch.Letter) error {
	s.mu.Lock()
	onMessage := s.onMessage
	s.mu.Unlock()
	if onMessage != nil {
		if err := onMessage(letter); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, letter)
	return nil
}

// recorder records the connections that clients open.
type recorder struct {
	net.Listener

	server *Server
}

// Accept implements net.Listener.
func (r *recorder) Accept() (net.Conn, error) {
	conn, err := r.Listener.Accept()
	if err == nil {
		r.server.mu.Lock()
		defer r.server.mu.Unlock()
		r.server.opened = append(r.server.opened, conn)
	}
	return conn, err
}

// Connections returns how many connections clients have opened.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.opened)
}

// Disconnect closes all connections, as a server closes idle ones.
func (s *Server) Disconnect() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, conn := range s.opened {
		_ = conn.Close() // may be closed already
	}
}

// Recipients returns how many recipients clients have sent.
func (s *Server) Recipients() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.recipients
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

// Only returns the only mail to an address. It fails the test if there is none or more
// than one.
func (s *Server) Only(t testing.TB, address string) catch.Letter {
	t.Helper()
	letters := s.To(address)
	if len(letters) != 1 {
		t.Fatalf("%d mails to %s, want 1", len(letters), address)
	}
	return letters[0]
}

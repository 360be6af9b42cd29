// Package catch implements a mail server for emulators and tests. It accepts mails by
// SMTP and passes them to a hook.
package catch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-smtp"
)

const (
	// MaxBytes is the size of the largest mail that is accepted.
	MaxBytes = 2 << 20

	maxRecipients = 50
	timeout       = 30 * time.Second
)

// Letter is a mail that was received.
type Letter struct {
	// From and To are the addresses of the envelope.
	From string
	To   []string
	// Source is the mail as it was transmitted.
	Source []byte

	Subject   string
	MessageID string // without angle brackets
	// Text and HTML are the first parts of their kind, decoded; "" without one.
	Text, HTML  string
	Attachments []Attachment
	Header      mail.Header
}

// Attachment is a file that was attached to a mail, decoded.
type Attachment struct {
	Name, ContentType string
	Data              []byte
}

// Options configures a server. Without hooks it accepts every mail.
type Options struct {
	// Deliver stores a mail. Its error becomes the reply to the client.
	Deliver func(Letter) error
	// Unread passes mails to Deliver as they were transmitted: only the envelope and Source
	// are set. Read parses them.
	Unread bool
	// Recipient is called for every recipient. An *smtp.SMTPError becomes the reply.
	Recipient func(address string) error
	Logger    *slog.Logger
}

// Server is a running mail server.
type Server struct {
	listener net.Listener
	smtp     *smtp.Server
	served   chan error
	once     sync.Once
	err      error

	mu       sync.Mutex
	closing  bool
	sessions map[*session]bool
}

// Serve accepts mails on a listener until Close.
func Serve(listener net.Listener, o Options) *Server {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{listener: listener, served: make(chan error, 1), sessions: map[*session]bool{}}
	server := smtp.NewServer(smtp.BackendFunc(func(conn *smtp.Conn) (smtp.Session, error) { return s.open(conn, o), nil }))
	server.Domain = "localhost"
	server.ReadTimeout, server.WriteTimeout = timeout, timeout
	server.MaxMessageBytes, server.MaxRecipients = MaxBytes, maxRecipients
	server.EnableSMTPUTF8 = true
	server.ErrorLog = slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug)
	s.smtp = server
	go func() { s.served <- server.Serve(listener) }()
	return s
}

// open returns the session of a connection.
func (s *Server) open(conn *smtp.Conn, o Options) *session {
	opened := &session{options: o, server: s, conn: conn.Conn()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions[opened] = true
	return opened
}

// closeIdle closes the connections without a mail in transfer, and the others when their
// mail is complete: clients leave connections open for their next mail.
func (s *Server) closeIdle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closing = true
	for opened := range s.sessions {
		if !opened.busy {
			_ = opened.conn.Close()
		}
	}
}

// abort closes all connections, and returns cause if mails were in transfer. The library closes
// none after a shutdown that was cut short.
func (s *Server) abort(cause error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	aborted := 0
	for opened := range s.sessions {
		if opened.busy {
			aborted++
		}
		_ = opened.conn.Close()
	}
	if aborted == 0 {
		return nil
	}
	return fmt.Errorf("stop the mail server: %d mails in transfer were aborted: %w", aborted, cause)
}

// Close stops the server. Mails in transfer may complete until ctx ends.
func (s *Server) Close(ctx context.Context) error {
	s.once.Do(func() {
		s.closeIdle()
		err := s.smtp.Shutdown(ctx)
		if err != nil {
			err = s.abort(err)
		}
		// A server that is stopped before Serve would leave its listener open.
		if closed := s.listener.Close(); !errors.Is(closed, net.ErrClosed) {
			err = errors.Join(err, closed)
		}
		s.err = errors.Join(err, <-s.served)
	})
	return s.err
}

// session is the SMTP session of one client.
type session struct {
	options Options
	server  *Server
	conn    net.Conn
	busy    bool // a mail is in transfer; guarded by the server's mu
	from    string
	to      []string
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	s.setBusy(true)
	return nil
}

func (s *session) setBusy(busy bool) {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.busy = busy
	if !busy && s.server.closing {
		_ = s.conn.Close()
	}
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	if s.options.Recipient != nil {
		if err := s.options.Recipient(to); err != nil {
			return err
		}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *session) Data(r io.Reader) error {
	source, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	letter := Letter{Source: source}
	if !s.options.Unread {
		letter = Read(source)
	}
	letter.From, letter.To = s.from, s.to
	if s.options.Deliver == nil {
		return nil
	}
	return s.options.Deliver(letter)
}

func (s *session) Reset() {
	s.from, s.to = "", nil
	s.setBusy(false)
}

func (s *session) Logout() error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	delete(s.server.sessions, s)
	return nil
}

// Read parses a mail. Parts that cannot be parsed stay empty; Source is always complete.
func Read(source []byte) Letter {
	letter := Letter{Source: source}
	reader, err := mail.CreateReader(bytes.NewReader(source))
	if err != nil && !message.IsUnknownCharset(err) {
		return letter
	}
	defer func() { _ = reader.Close() }() // it reads from memory
	letter.Header = reader.Header
	letter.Subject, _ = reader.Header.Subject()
	letter.MessageID, _ = reader.Header.MessageID()
	for {
		part, err := reader.NextPart()
		if err != nil && !message.IsUnknownCharset(err) || part == nil {
			return letter
		}
		text, err := io.ReadAll(part.Body)
		if err != nil {
			return letter
		}
		if header, attached := part.Header.(*mail.AttachmentHeader); attached {
			letter.attach(header, text)
			continue
		}
		header, inline := part.Header.(*mail.InlineHeader)
		if !inline {
			continue
		}
		switch kind, _, _ := header.ContentType(); {
		case kind == "text/html" && letter.HTML == "":
			letter.HTML = string(text)
		case strings.HasPrefix(kind, "text/plain") && letter.Text == "":
			letter.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
		}
	}
}

// attach adds an attachment.
func (l *Letter) attach(header *mail.AttachmentHeader, data []byte) {
	name, _ := header.Filename()
	kind, _, _ := header.ContentType()
	l.Attachments = append(l.Attachments, Attachment{Name: name, ContentType: kind, Data: data})
}

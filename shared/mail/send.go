package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// sendTimeout is how long one mail may take, from the connection to the server's
// last word. It is far below Pub/Sub's acknowledgement deadline: who sends within
// the handling of an event still has time to commit.
const sendTimeout = 10 * time.Second

// Message is one mail to one person.
type Message struct {
	// ID is that of the event that the mail tells of. It makes the Message-ID, so
	// that mails sent twice can be told for one.
	ID      string
	ToName  string
	ToEmail string
	Content
}

// Content is what a mail says, the same in text and in HTML.
type Content struct {
	Subject, Text, HTML string
}

// Sender sends mail. It connects for each mail, and keeps no connection: a function
// sends seldom, and an idle one would be gone by then.
type Sender struct {
	server server
	from   *netmail.Address
}

// NewSender returns a sender. It connects to nothing yet.
func NewSender(c Config) (*Sender, error) {
	server, from, err := c.parse()
	if err != nil {
		return nil, err
	}
	return &Sender{server: server, from: from}, nil
}

// Send sends a mail and returns when the server has taken it. Its error is a
// *SendError; see IsRefused.
func (s *Sender) Send(ctx context.Context, m Message) error {
	message, err := s.compose(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	line := &line{ctx: ctx, server: s.server}
	defer line.hangUp()
	client, err := gomail.NewClient(s.server.host, s.options(line)...)
	if err != nil {
		return &SendError{Stage: "prepare", cause: err}
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return &SendError{Stage: "connect", cause: err}
	}
	if err := client.SendWithSMTPClient(connection, message); err != nil {
		return failed(err)
	}
	// The server has the mail. How the goodbye goes changes nothing.
	_ = client.CloseWithSMTPClient(connection)
	return nil
}

func (s *Sender) options(line *line) []gomail.Option {
	policies := map[security]gomail.TLSPolicy{required: gomail.TLSMandatory, opportunistic: gomail.TLSOpportunistic}
	policy, some := policies[s.server.tls]
	if !some {
		policy = gomail.NoTLS
	}
	options := []gomail.Option{
		gomail.WithPort(s.server.port), gomail.WithTimeout(sendTimeout), gomail.WithTLSPolicy(policy),
		// After the mail there is nothing to reset: a fault of that would look like
		// one of the mail.
		gomail.WithoutRset(), gomail.WithoutNoop(),
		gomail.WithDialContextFunc(line.dial),
	}
	if s.server.tls == implicit {
		options = append(options, gomail.WithSSL())
	}
	if s.server.user != "" {
		options = append(options, gomail.WithUsername(s.server.user), gomail.WithPassword(s.server.password),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return options
}

// line is the connection of one mail. However the conversation goes, it ends with
// ctx: the library bounds each part of it, and not the whole.
type line struct {
	ctx    context.Context
	server server
	conn   net.Conn
	forget func() bool
}

func (l *line) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	if l.server.tls == implicit {
		conn, err = (&tls.Dialer{Config: &tls.Config{ServerName: l.server.host, MinVersion: tls.VersionTLS12}}).DialContext(ctx, network, address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	l.conn = conn
	l.forget = context.AfterFunc(l.ctx, func() { _ = conn.Close() })
	return conn, nil
}

// hangUp closes the connection, which may be closed already.
func (l *line) hangUp() {
	if l.conn != nil {
		l.forget()
		_ = l.conn.Close()
	}
}

// compose makes the mail as it goes over the wire.
func (s *Sender) compose(m Message) (*gomail.Msg, error) {
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(s.from)
	message.ToMailAddress(&netmail.Address{Name: oneLine(m.ToName), Address: m.ToEmail})
	// The library's own check of the address is the parser's, which takes a name with it.
	if parsed, err := netmail.ParseAddress(m.ToEmail); err != nil || parsed.Address != m.ToEmail || strings.ContainsFunc(m.ID, unicode.IsControl) {
		return nil, &SendError{Stage: "compose", cause: errors.New("the address is none")}
	}
	message.Subject(oneLine(m.Subject))
	message.SetDate()
	_, domain, _ := strings.Cut(s.from.Address, "@")
	message.SetMessageIDWithValue(m.ID + "@" + domain)
	// RFC 3834, section 5.1: so that nobody's automatic answer answers.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	message.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return message, nil
}

// oneLine keeps a header one header: whatever could end a line becomes a space.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}

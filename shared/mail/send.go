package mail

import (
	"context"
	"errors"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
)

// sendTimeout is how long one mail may take, from waiting for the connection to the
// server's last response. It is far below Pub/Sub's acknowledgement deadline: there is time
// left to record that the mail was sent.
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

// Sender sends mail, one after another over one connection. Between mails the
// connection is idle; nothing runs then. What the server has closed in the meantime is
// found when the next mail is sent, and replaced.
type Sender struct {
	server server
	from   *netmail.Address
	// turn holds one token: who has it may use idle.
	turn chan struct{}
	idle *connection
}

// NewSender returns a sender. It connects to nothing yet.
func NewSender(c Config) (*Sender, error) {
	server, from, err := c.parse()
	if err != nil {
		return nil, err
	}
	return &Sender{server: server, from: from, turn: make(chan struct{}, 1)}, nil
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
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return &SendError{Stage: "connect", cause: ctx.Err()}
	}
	defer func() { <-s.turn }()
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	err = c.client.SendWithSMTPClient(c.session, message)
	if err != nil {
		// What state the conversation is in is not known.
		c.close()
		return failed(err)
	}
	if c.release() {
		s.idle = c
	}
	return nil
}

func (s *Sender) options(c *connection) []gomail.Option {
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
		gomail.WithDialContextFunc(c.dial),
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

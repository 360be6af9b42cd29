package mail

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	netmail "net/mail"
	"strings"
	"sync"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"souk/shared/telemetry"
)

// sendTimeout bounds the sending of one mail, from waiting for the connection to the
// server's last reply. It is far below Pub/Sub's acknowledgement deadline, so that there
// is time to record that the mail was sent.
const sendTimeout = 10 * time.Second

// Message is one mail to one recipient.
type Message struct {
	// ID is the id of the event that the mail is about. The Message-ID is derived from
	// it, so that duplicates of a mail can be recognized.
	ID      string
	ToName  string
	ToEmail string
	Content
	Attachments []Attachment // at most MaxAttachments bytes together
}

// MaxAttachments is the largest size of all attachments of a mail, in bytes. Mail servers accept
// 10 MB or more, but a process sends many mails at the same time, and each is in memory twice.
const MaxAttachments = 1 << 20

// Attachment is a file that is attached to a mail.
type Attachment struct {
	Name        string // of the file, such as invoice.pdf
	ContentType string // such as application/pdf
	Data        []byte
}

// Content is the content of a mail, in text and in HTML.
type Content struct {
	Subject, Text, HTML string
}

// Sender sends mail: several at the same time, each over a connection, of which the one
// used last is used first. Between mails a connection is idle; nothing runs then. What
// the server has closed in the meantime is found when the next mail is sent, and replaced.
type Sender struct {
	server server
	from   *netmail.Address
	// turns holds a token for each mail that is being sent.
	turns chan struct{}

	mu   sync.Mutex
	idle []*connection // the one used last at the end
}

// NewSender returns a new Sender. It does not connect yet.
func NewSender(c Config) (*Sender, error) {
	server, from, err := c.parse()
	if err != nil {
		return nil, err
	}
	return &Sender{server: server, from: from, turns: make(chan struct{}, cmp.Or(c.Connections, DefaultConnections))}, nil
}

// Send sends a mail and returns when the server has accepted it. Its error is a
// *SendError; see IsRefused.
func (s *Sender) Send(ctx context.Context, m Message) (err error) {
	ctx, span := telemetry.Start(ctx, "send mail", trace.SpanKindClient, semconv.ServerAddress(s.server.host), semconv.NetworkProtocolName("smtp"))
	defer func() { span.End(err) }()
	message, err := s.compose(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	select {
	case s.turns <- struct{}{}:
	case <-ctx.Done():
		return &SendError{Stage: "connect", cause: ctx.Err()}
	}
	defer func() { <-s.turns }()
	c, err := s.connect(ctx)
	if err != nil {
		return err
	}
	err = c.client.SendWithSMTPClient(c.session, message)
	if err != nil {
		// The state of the SMTP session is unknown.
		c.close()
		return newSendError(err)
	}
	if c.release() {
		s.putIdle(c)
	}
	return nil
}

func (s *Sender) options(c *connection) []gomail.Option {
	policies := map[security]gomail.TLSPolicy{required: gomail.TLSMandatory, opportunistic: gomail.TLSOpportunistic}
	policy, found := policies[s.server.tls]
	if !found {
		policy = gomail.NoTLS
	}
	options := []gomail.Option{
		gomail.WithPort(s.server.port), gomail.WithTimeout(sendTimeout), gomail.WithTLSPolicy(policy),
		// A RSET after the mail is not needed, and its error would look like an error of
		// the mail.
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

// compose returns the mail as it is transmitted.
func (s *Sender) compose(m Message) (*gomail.Msg, error) {
	message := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	message.FromMailAddress(s.from)
	message.ToMailAddress(&netmail.Address{Name: oneLine(m.ToName), Address: m.ToEmail})
	// The library checks the address with the same parser, which also accepts a name.
	if parsed, err := netmail.ParseAddress(m.ToEmail); err != nil || parsed.Address != m.ToEmail || strings.ContainsFunc(m.ID, unicode.IsControl) {
		return nil, &SendError{Stage: "compose", cause: errors.New("the address is invalid")}
	}
	message.Subject(oneLine(m.Subject))
	message.SetDate()
	_, domain, _ := strings.Cut(s.from.Address, "@")
	message.SetMessageIDWithValue(m.ID + "@" + domain)
	// RFC 3834, section 5.1: automatic responders do not reply.
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, m.Text)
	message.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	if err := attach(message, m.Attachments); err != nil {
		return nil, err
	}
	return message, nil
}

// attach attaches files.
func attach(message *gomail.Msg, attachments []Attachment) error {
	size := 0
	for _, a := range attachments {
		size += len(a.Data)
		err := message.AttachReader(oneLine(a.Name), bytes.NewReader(a.Data), gomail.WithFileContentType(gomail.ContentType(a.ContentType)))
		if err != nil {
			return &SendError{Stage: "attach", cause: err}
		}
	}
	if size > MaxAttachments {
		return &SendError{Stage: "attach", cause: ErrTooLarge}
	}
	return nil
}

// ErrTooLarge is the error of a mail whose attachments are too large. It is not a refusal of the
// address.
var ErrTooLarge = errors.New("the attachments are too large")

// oneLine replaces line breaks and other control characters by spaces, so that a text
// cannot add a header.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }), " ")
}

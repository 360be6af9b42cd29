package maildelivery

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"

	"souk/shared/event"
	"souk/shared/mail"
)

// Mailer renders and sends the mails of a service.
type Mailer struct {
	sender    *mail.Sender
	templates map[string]*mail.Template
}

// NewMailer returns a new Mailer with the templates of kinds of mails, from files named after them
// in the folder mails. It does not connect to the mail server.
func NewMailer(config mail.Config, files fs.FS, kinds ...string) (Mailer, error) {
	sender, err := mail.NewSender(config)
	if err != nil {
		return Mailer{}, err
	}
	m := Mailer{sender: sender, templates: map[string]*mail.Template{}}
	for _, kind := range kinds {
		if m.templates[kind], err = mail.ParseTemplate(files, "mails/"+kind); err != nil {
			return Mailer{}, err
		}
	}
	return m, nil
}

// Render renders the content of a mail.
func (m *Mailer) Render(out Mail) (mail.Content, error) {
	template, found := m.templates[out.Kind]
	if !found {
		return mail.Content{}, fmt.Errorf("no template of mail %q", out.Kind)
	}
	return template.Render(out.Data)
}

// send sends a mail. A permanent rejection is logged and returned as success.
func (m *Mailer) send(ctx context.Context, e event.Event, out Mail) error {
	content, err := m.Render(out)
	if err != nil {
		return fmt.Errorf("render mail of event %s: %w", e.ID, err)
	}
	err = m.sender.Send(ctx, mail.Message{ID: e.ID.String(), ToName: out.To.Name, ToEmail: out.To.Email, Content: content, Attachments: out.Attachments})
	if mail.IsRefused(err) {
		slog.WarnContext(ctx, "mail rejected permanently", "mail", out.Kind, "event", e.ID, "type", e.Type, "aggregate", e.AggregateID, "error", err)
		return nil
	}
	return err
}

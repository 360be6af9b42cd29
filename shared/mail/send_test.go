package mail_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"

	"souk/shared/config"
	"souk/shared/mail"
	"souk/shared/mail/catch"
	"souk/shared/mail/mailtest"
)

const ada = "ada@example.com"

func hello() mail.Message {
	return mail.Message{
		ID: "0199c0de-0000-7000-8000-000000000001", ToName: "Ada Lovelace", ToEmail: ada,
		Content: mail.Content{Subject: "Grüße", Text: "Hello. Zażółć\n", HTML: "<p>Hello. Zażółć</p>"},
	}
}

func mustSender(t *testing.T, c mail.Config) *mail.Sender {
	t.Helper()
	s, err := mail.NewSender(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSend(t *testing.T) {
	t.Parallel()
	t.Run("sends text and HTML, marked as generated automatically", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		if err := mustSender(t, server.Config()).Send(t.Context(), hello()); err != nil {
			t.Fatal(err)
		}
		got := server.Only(t, ada)
		if got.Subject != "Grüße" || got.Text != "Hello. Zażółć\n" || got.HTML != "<p>Hello. Zażółć</p>" || got.From != "shop@souk.test" {
			t.Errorf("got %+v", got)
		}
		if want := hello().ID + "@souk.test"; got.MessageID != want {
			t.Errorf("Message-ID is %s, want %s", got.MessageID, want)
		}
		for name, want := range map[string]string{
			"Auto-Submitted": "auto-generated", "To": `"Ada Lovelace" <ada@example.com>`, "From": `"Souk" <shop@souk.test>`,
		} {
			if got := got.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	})

	t.Run("adds no header from a text", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		m := hello()
		m.ToName = "Ada\r\nBcc: eve@example.com\r\nX: "
		m.Subject = "Hello\nBcc: eve@example.com\n\nbody\u2028more"
		if err := mustSender(t, server.Config()).Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		got := server.Only(t, ada)
		if got.Header.Has("Bcc") || got.Header.Has("X") || len(got.To) != 1 || got.Text != m.Text {
			t.Errorf("got\n%s", got.Source)
		}
	})

	t.Run("refuses an invalid address", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		for _, to := range []string{"", "ada", "ada@example.com\r\nRCPT TO:<eve@example.com>", "ada@example.com>\r\nDATA"} {
			m := hello()
			m.ToEmail = to
			if err := mustSender(t, server.Config()).Send(t.Context(), m); !mail.IsRefused(err) {
				t.Errorf("to %q: got %v", to, err)
			}
		}
		if n := server.Recipients(); n != 0 {
			t.Errorf("the server received %d recipients", n)
		}
	})
}

// TestSendErrors checks that errors contain no text of the server, address or text of the mail.
func TestSendErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		reply   error
		refused bool
	}{
		"an unknown address":                    {&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: ada + " who?"}, true},
		"a closed mailbox":                      {&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 2, 1}, Message: ada + " is gone"}, true},
		"a forbidden relay":                     {&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "no relay to " + ada}, false},
		"a busy mailbox":                        {&smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: ada + " is busy"}, false},
		"a server that requires authentication": {&smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "who are you"}, false},
	} {
		t.Run("reports "+name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.Start(t)
			server.Refuse(func(string) error { return test.reply })
			requireSendError(t, mustSender(t, server.Config()).Send(t.Context(), hello()), "RCPT", test.refused)
		})
	}
	t.Run("reports a mail that is not accepted", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		server.OnMessage(func(catch.Letter) error {
			return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "not for " + ada}
		})
		requireSendError(t, mustSender(t, server.Config()).Send(t.Context(), hello()), "DATA", false)
	})
	t.Run("reports an unreachable server", func(t *testing.T) {
		t.Parallel()
		c := mailtest.Start(t).Config()
		c.URL = config.NewSecret("smtp://ada%40example.com:hunter2@127.0.0.1:1")
		requireSendError(t, mustSender(t, c).Send(t.Context(), hello()), "connect", false)
	})
	t.Run("reports a server without TLS", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		c := server.Config()
		c.URL = config.NewSecret(server.URL + "?starttls=required")
		requireSendError(t, mustSender(t, c).Send(t.Context(), hello()), "connect", false)
		if server.Recipients() != 0 {
			t.Error("the mail was sent in plain text")
		}
	})
	t.Run("refuses to send a password in plain text", func(t *testing.T) {
		t.Parallel()
		server := mailtest.Start(t)
		c := server.Config()
		c.URL = config.NewSecret(strings.Replace(server.URL, "smtp://", "smtp://ada%40example.com:hunter2@", 1) + "?starttls=never")
		requireSendError(t, mustSender(t, c).Send(t.Context(), hello()), "connect", false)
	})
	t.Run("times out with a silent server", func(t *testing.T) {
		t.Parallel()
		listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		c := mailtest.Start(t).Config()
		c.URL = config.NewSecret("smtp://" + listener.Addr().String())
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		requireSendError(t, mustSender(t, c).Send(ctx, hello()), "connect", false)
	})
}

func requireSendError(t *testing.T, err error, stage string, refused bool) {
	t.Helper()
	var sendErr *mail.SendError
	if !errors.As(err, &sendErr) || sendErr.Stage != stage || mail.IsRefused(err) != refused {
		t.Fatalf("got %v, refused: %v; want a failure of %s, refused: %v", err, mail.IsRefused(err), stage, refused)
	}
	t.Log(err)
	for _, secret := range []string{ada, "Zażółć", "hunter2", "who?", "Ada"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%q is in the error: %v", secret, err)
		}
	}
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	files := fstest.MapFS{
		"hi.txt":  file("{{define \"subject\"}}Hi,\n {{.Name}}{{end}}{{define \"text\"}}\nDear {{.Name}}\n\n{{end}}"),
		"hi.html": file(`{{define "content"}}<p>Dear {{.Name}}</p>{{end}}`),
	}
	template, err := mail.ParseTemplate(files, "hi")
	if err != nil {
		t.Fatal(err)
	}
	got, err := template.Render(map[string]string{"Name": "<b>Ada</b>"})
	if err != nil {
		t.Fatal(err)
	}
	if got.Subject != "Hi, <b>Ada</b>" || got.Text != "Dear <b>Ada</b>\n" {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(got.HTML, "<p>Dear &lt;b&gt;Ada&lt;/b&gt;</p>") || strings.Contains(got.HTML, "<b>Ada") {
		t.Errorf("the HTML is\n%s", got.HTML)
	}
	if _, err := template.Render(map[string]string{}); err == nil {
		t.Error("rendered without a name")
	}
	if _, err := mail.ParseTemplate(files, "other"); err == nil {
		t.Error("parsed a missing template")
	}
}

func TestAttachments(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	sender := mustSender(t, server.Config())
	m := hello()
	data := bytes.Repeat([]byte("\x00%PDF\r\n.\r\n\xff"), 1000)
	m.Attachments = []mail.Attachment{{Name: "invoice.pdf", ContentType: "application/pdf", Data: data}}
	if err := sender.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	got := server.Only(t, ada)
	if got.Text != m.Text || got.HTML != m.HTML {
		t.Errorf("text %q, HTML %q", got.Text, got.HTML)
	}
	if diff := cmp.Diff([]catch.Attachment{{Name: "invoice.pdf", ContentType: "application/pdf", Data: data}}, got.Attachments); diff != "" {
		t.Errorf("attachments (-want +got):\n%.500s", diff)
	}
	m.Attachments = append(m.Attachments, mail.Attachment{Name: "b.bin", ContentType: "application/octet-stream", Data: make([]byte, mail.MaxAttachments)})
	if err := sender.Send(t.Context(), m); err == nil || mail.IsRefused(err) || err.Error() != "send a mail: attach: the attachments are too large" {
		t.Errorf("a mail that is too large: %v", err)
	}
}

package mail_test

import (
	"strings"
	"testing"

	"go.uber.org/goleak"

	"souk/shared/config"
	"souk/shared/mail"
	"souk/shared/mail/mailtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestNewSender(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"smtp://user:hunter2@mail.example.com:587", "smtp://mail.example.com", "smtps://user:hunter2@mail.example.com",
		"smtp://mail:1025?starttls=never", "smtp://127.0.0.1:1025", "smtp://[::1]:25?starttls=required",
	} {
		t.Run("takes "+strings.ReplaceAll(url, "hunter2", "…"), func(t *testing.T) {
			t.Parallel()
			if _, err := mail.NewSender(mail.Config{URL: config.NewSecret(url), From: mailtest.From}); err != nil {
				t.Error(err)
			}
		})
	}
	for name, url := range map[string]string{
		"no URL":                     "",
		"another protocol":           "https://user:hunter2@mail.example.com",
		"a host without a protocol":  "hunter2.example.com:587",
		"no host":                    "smtp://",
		"an invalid port":            "smtp://user:hunter2@mail.example.com:99999",
		"a port in words":            "smtp://user:hunter2@mail.example.com:submission",
		"a path":                     "smtp://user:hunter2@mail.example.com/mail",
		"an unknown parameter":       "smtp://mail.example.com?password=hunter2",
		"an unknown policy":          "smtp://mail.example.com?starttls=hunter2",
		"STARTTLS twice":             "smtp://mail.example.com?starttls=never&starttls=required",
		"STARTTLS within TLS":        "smtps://mail.example.com?starttls=never",
		"a malformed password":       "smtp://user:hunter2%zz@mail.example.com",
		"an address with a new line": "smtp://mail.example.com\r\nhunter2",
	} {
		t.Run("refuses "+name+" without quoting it", func(t *testing.T) {
			t.Parallel()
			_, err := mail.NewSender(mail.Config{URL: config.NewSecret(url), From: mailtest.From})
			if err == nil || !strings.Contains(err.Error(), "SMTP_URL") || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("got %v", err)
			}
		})
	}
	t.Run("names every invalid setting", func(t *testing.T) {
		t.Parallel()
		_, err := mail.NewSender(mail.Config{From: "Souk"})
		if err == nil || !strings.Contains(err.Error(), "SMTP_URL") || !strings.Contains(err.Error(), "MAIL_FROM") {
			t.Errorf("got %v", err)
		}
	})
}

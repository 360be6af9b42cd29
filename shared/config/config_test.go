package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/config"
)

type storage struct {
	Bucket  string        `env:"BUCKET,required"`
	Timeout time.Duration `env:"STORAGE_TIMEOUT" envDefault:"5s"`
}

type settings struct {
	Port     int           `env:"PORT" envDefault:"8080"`
	Level    slog.Level    `env:"LOG_LEVEL" envDefault:"INFO"`
	Timeout  time.Duration `env:"TIMEOUT" envDefault:"1s"`
	Password config.Secret `env:"PASSWORD,required"`
	Name     string        `env:"NAME,notEmpty"`
	Storage  storage
}

func TestLoad(t *testing.T) {
	t.Parallel()
	t.Run("reads variables and uses defaults for missing ones", func(t *testing.T) {
		t.Parallel()
		got, err := config.Load[settings](config.FromPairs([]string{
			"PORT=9000", "LOG_LEVEL=DEBUG", "PASSWORD=hunter2=hunter2", "NAME=souk", "BUCKET=b", "OTHER=1",
		}))
		if got.Password.Reveal() != "hunter2=hunter2" {
			t.Error("the secret is not what was set")
		}
		want := settings{Port: 9000, Level: slog.LevelDebug, Timeout: time.Second, Password: got.Password, Name: "souk",
			Storage: storage{Bucket: "b", Timeout: 5 * time.Second}}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b config.Secret) bool { return a == b })); err != nil || diff != "" {
			t.Errorf("error %v, settings (-want +got):\n%s", err, diff)
		}
	})

	t.Run("treats an empty variable as not set", func(t *testing.T) {
		t.Parallel()
		got, err := config.Load[settings](config.Environment{"PORT": "", "PASSWORD": "p", "NAME": "n", "BUCKET": "b"})
		if err != nil || got.Port != 8080 {
			t.Errorf("the port is %d, %v; want 8080", got.Port, err)
		}
	})

	t.Run("names every invalid variable without its value", func(t *testing.T) {
		t.Parallel()
		_, err := config.Load[settings](config.Environment{
			"PORT": "hunter2", "LOG_LEVEL": "hunter2", "TIMEOUT": "hunter2", "STORAGE_TIMEOUT": "hunter2", "NAME": "",
		})
		if err == nil {
			t.Fatal("invalid settings were accepted")
		}
		for _, name := range []string{"PORT", "LOG_LEVEL", "TIMEOUT", "STORAGE_TIMEOUT", "PASSWORD", "NAME", "BUCKET"} {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%q does not name %s", err, name)
			}
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q shows a value", err)
		}
	})

	t.Run("names the variable and not the field", func(t *testing.T) {
		t.Parallel()
		_, err := config.Load[settings](config.Environment{"LOG_LEVEL": "loud", "PASSWORD": "p", "NAME": "n", "BUCKET": "b"})
		if err == nil || !strings.Contains(err.Error(), "LOG_LEVEL is not a valid slog.Level") {
			t.Errorf("got %v", err)
		}
	})
}

func TestSecret(t *testing.T) {
	t.Parallel()
	const value = "hunter2"
	secret := config.NewSecret(value)
	inside := struct{ Password, hidden config.Secret }{secret, secret}

	t.Run("is not shown by any verb of fmt", func(t *testing.T) {
		t.Parallel()
		hexadecimal := fmt.Sprintf("%x", value)
		for verb := range strings.SplitSeq("v s q x X d o b c U e f g t p T", " ") {
			for _, flags := range []string{"", "+", "#", "20", "-20.3", " ", "0"} {
				format := "%" + flags + verb
				for _, operand := range []any{secret, inside, &inside, []config.Secret{secret}, map[string]config.Secret{"k": secret}} {
					got := fmt.Sprintf(format, operand)
					if strings.Contains(got, value) || strings.Contains(strings.ToLower(got), hexadecimal) {
						t.Errorf("%s of %T shows it: %s", format, operand, got)
					}
				}
			}
		}
		for name, got := range map[string]string{
			"Sprint":   fmt.Sprint(secret, inside),
			"Sprintln": fmt.Sprintln(secret, inside),
			"Errorf":   fmt.Errorf("an error with %v", secret).Error(),
			"String":   secret.String(),
		} {
			if strings.Contains(got, value) {
				t.Errorf("%s shows it: %s", name, got)
			}
		}
	})

	t.Run("is empty by default", func(t *testing.T) {
		t.Parallel()
		if got := (config.Secret{}).Reveal(); got != "" {
			t.Errorf("it is %q", got)
		}
	})

	t.Run("is not shown by slog", func(t *testing.T) {
		t.Parallel()
		var lines bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewJSONHandler(&lines, nil), slog.NewTextHandler(&lines, nil)} {
			slog.New(handler).Info("start", "secret", secret, "settings", inside, slog.Group("g", "secret", secret),
				"error", errors.New(secret.String()))
		}
		if strings.Contains(lines.String(), value) {
			t.Errorf("it is in the log: %s", lines.String())
		}
		if !strings.Contains(lines.String(), "(secret)") {
			t.Errorf("the log does not show the mask: %s", lines.String())
		}
	})

	t.Run("is not shown by encoding/json, as a value or as a key", func(t *testing.T) {
		t.Parallel()
		text, err := json.Marshal([]any{secret, inside, map[config.Secret]int{secret: 1}})
		if err != nil || strings.Contains(string(text), value) {
			t.Errorf("got %s, %v", text, err)
		}
	})
}

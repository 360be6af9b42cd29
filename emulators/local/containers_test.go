package local_test

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/emulators/console"
	"souk/emulators/local"
	"souk/functions"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/mail"
	"souk/shared/manifest"
)

func openContainers(t *testing.T) local.Containers {
	t.Helper()
	c := local.Containers{
		Manifest: functions.Manifest(), Secrets: t.TempDir(),
		Gateway: "http://127.0.0.1:8080", MailPage: "http://127.0.0.1:8025", PaymentPage: "http://127.0.0.1:8095", Payments: true, Console: "http://127.0.0.1:8090",
		Database: "mysql:3306", PubSub: "pubsub:8085", SMTP: "mail:1025",
	}
	if err := c.WriteSecrets(); err != nil {
		t.Fatal(err)
	}
	return c
}

// mustRead returns the secrets of a container that mounts some folders.
func mustRead(t *testing.T, c local.Containers, folder string) config.Environment {
	t.Helper()
	read, err := config.Environment{config.SecretsDir: filepath.Join(c.Secrets, folder)}.WithSecretFiles()
	if err != nil {
		t.Fatal(err)
	}
	delete(read, config.SecretsDir)
	return read
}

func TestWriteSecrets(t *testing.T) {
	t.Parallel()
	c := openContainers(t)
	t.Run("a function has its own login and secrets only", func(t *testing.T) {
		t.Parallel()
		for _, f := range c.Manifest.Functions {
			want := slices.Clone(f.Secrets)
			read := mustRead(t, c, f.Name)
			if f.Database != manifest.NoDatabase {
				want = append(want, "DATABASE_URL")
				cfg, err := database.ParseURL(read["DATABASE_URL"])
				if err != nil {
					t.Fatal(err)
				}
				login := "souk_" + strings.ReplaceAll(c.Manifest.LoginOf(f), "-", "_")
				if cfg.User != login || cfg.DBName != "souk_"+f.Service || cfg.Addr != "mysql:3306" || len(cfg.Passwd) < 16 {
					t.Errorf("%s has user %s, database %s and server %s", f.Name, cfg.User, cfg.DBName, cfg.Addr)
				}
			}
			slices.Sort(want)
			if got := slices.Sorted(maps.Keys(read)); !slices.Equal(got, want) {
				t.Errorf("%s has the secrets %v, want %v", f.Name, got, want)
			}
		}
	})
	t.Run("mail is sent to the local mail server", func(t *testing.T) {
		t.Parallel()
		read := mustRead(t, c, "user-notify")
		_, err := mail.NewSender(mail.Config{URL: config.NewSecret(read["SMTP_URL"]), From: "Souk <shop@souk.test>"})
		if err != nil || !strings.HasPrefix(read["SMTP_URL"], "smtp://mail:1025") {
			t.Errorf("SMTP_URL = %q, %v", read["SMTP_URL"], err)
		}
	})
	t.Run("the payment provider has the secrets of the functions that use it, and no other", func(t *testing.T) {
		t.Parallel()
		want, read := mustRead(t, c, "payment-webhook"), mustRead(t, c, "payment-provider")
		delete(want, "DATABASE_URL")
		if diff := cmp.Diff(want, read); diff != "" || len(read) != 2 || len(read["PAYMENT_API_KEY"]) < 26 {
			t.Errorf("the provider's secrets differ (-want +got):\n%s", diff)
		}
		if other := mustRead(t, c, "invoice-issue"); other["PAYMENT_API_KEY"] != "" {
			t.Error("a function that does not call the provider has its key")
		}
	})
	t.Run("the console has a token and a login to each database", func(t *testing.T) {
		t.Parallel()
		read := mustRead(t, c, "console")
		want := []string{"CONSOLE_TOKEN"}
		for _, service := range c.Manifest.Services() {
			variable := strings.ToUpper(service) + "_DATABASE_URL"
			want = append(want, variable)
			cfg, err := database.ParseURL(read[variable])
			if err != nil {
				t.Fatal(err)
			}
			if cfg.User != "souk_console" || cfg.DBName != "souk_"+service || len(cfg.Passwd) < 16 {
				t.Errorf("%s has user %s and database %s", variable, cfg.User, cfg.DBName)
			}
		}
		slices.Sort(want)
		if got := slices.Sorted(maps.Keys(read)); !slices.Equal(got, want) || len(read["CONSOLE_TOKEN"]) < 26 {
			t.Errorf("the console has the secrets %v, want %v with a long token", got, want)
		}
	})
	t.Run("all users can read the files, and none can change them", func(t *testing.T) {
		t.Parallel()
		err := filepath.WalkDir(c.Secrets, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, ".json") {
				return err
			}
			info, err := entry.Info()
			if err == nil && info.Mode().Perm() != 0o444 {
				t.Errorf("%s has mode %s", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("a second call changes nothing", func(t *testing.T) {
		t.Parallel()
		c := openContainers(t)
		before := mustRead(t, c, ".")
		if err := c.WriteSecrets(); err != nil {
			t.Fatal(err)
		}
		for name, value := range mustRead(t, c, ".") {
			if value != before[name] {
				t.Errorf("%s has changed", name)
			}
		}
	})
}

func TestContainersStatus(t *testing.T) {
	t.Parallel()
	c := openContainers(t)
	status, err := c.Status()
	if err != nil {
		t.Fatal(err)
	}
	if status.Gateway != c.Gateway || status.Admin.Password == "" || status.Customer.Password == "" || status.PubSub.Host != c.PubSub {
		t.Errorf("got %+v", status)
	}
	if status.Mail.URL != c.MailPage || !strings.Contains(status.Mail.SMTP, c.SMTP) {
		t.Errorf("mail = %+v", status.Mail)
	}
	if status.Payments.URL != c.PaymentPage || !status.Payments.Required || status.Payments.APIKey != mustRead(t, c, "payment-provider")["PAYMENT_API_KEY"] {
		t.Errorf("payments = %+v", status.Payments)
	}
	if link := console.EntryLink(c.Console, mustRead(t, c, "console")["CONSOLE_TOKEN"]); status.Console.URL != c.Console || status.Console.Link != link {
		t.Errorf("console = %+v, want the link %s", status.Console, link)
	}
	if len(status.Functions) != len(c.Manifest.Functions) || status.Database.Names["order"] != "souk_order" {
		t.Errorf("got %+v", status)
	}
	if admin := mustRead(t, c, local.OperatorFolder)["DATABASE_URL"]; status.Database.DSN != admin || !slices.Contains(strings.Split(admin, ":"), "//root") {
		t.Errorf("database URL = %s", database.URL(admin))
	}
	t.Run("without secrets, the error names the missing logins", func(t *testing.T) {
		t.Parallel()
		c := c
		c.Secrets = t.TempDir()
		if _, err := c.Status(); err == nil || !strings.Contains(err.Error(), "logins") {
			t.Errorf("got %v", err)
		}
		if entries, err := os.ReadDir(c.Secrets); err != nil || len(entries) > 0 {
			t.Errorf("Status created %v, %v", entries, err)
		}
	})
}

package database_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/caarlos0/env/v11"
	"github.com/google/go-cmp/cmp"

	"souk/shared/database"
)

func TestParseURL(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, raw                       string
		user, password, network, at, db string
	}{
		{"mysql URL", "mysql://ann:pw@db.example:3307/shop", "ann", "pw", "tcp", "db.example:3307", "shop"},
		{"default port", "mysql://ann@db.example/shop", "ann", "", "tcp", "db.example:3306", "shop"},
		{"escaped password", "mysql://ann:p%40%2F%3A%23@h/shop", "ann", "p@/:#", "tcp", "h:3306", "shop"},
		{"no database", "mysql://root@127.0.0.1:3306/", "root", "", "tcp", "127.0.0.1:3306", ""},
		{"IPv6", "mysql://ann:pw@[::1]:3307/shop", "ann", "pw", "tcp", "[::1]:3307", "shop"},
		{"socket", "mysql://ann:pw@/shop?socket=/run/m.sock", "ann", "pw", "unix", "/run/m.sock", "shop"},
		{"DSN", "ann:p@/w@tcp(h:3307)/shop?tls=false", "ann", "p@/w", "tcp", "h:3307", "shop"},
		{"surrounding white space", " mysql://ann:pw@h:1/shop\n", "ann", "pw", "tcp", "h:1", "shop"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg, err := database.ParseURL(tc.raw)
			if err != nil {
				t.Fatal(err)
			}
			got := []string{cfg.User, cfg.Passwd, cfg.Net, cfg.Addr, cfg.DBName}
			want := []string{tc.user, tc.password, tc.network, tc.at, tc.db}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			again, err := database.ParseURL(string(database.FormatURL(cfg)))
			if err != nil {
				t.Fatalf("the URL of FormatURL is refused: %v", err)
			}
			if diff := cmp.Diff(want, []string{again.User, again.Passwd, again.Net, again.Addr, again.DBName}); diff != "" {
				t.Errorf("through FormatURL (-want +got):\n%s", diff)
			}
		})
	}
}

func TestBrokenURLs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, raw, want string }{
		{"other database", "postgres://ann:hunter2@h/shop", `scheme is "postgres"`},
		{"unescaped # in the password", "mysql://ann:hunter2#x@h/shop", "%23"},
		{"unescaped / in the password", "mysql://ann:hunter2/x@h/shop", "%2F"},
		{"bad escape in the password", "mysql://ann:hunter2%zz@h/shop", "cannot be read"},
		{"bad port", "mysql://ann:hunter2@h:port/shop", "cannot be read"},
		{"no user", "mysql://h/shop", "no user"},
		{"no host", "mysql://ann:hunter2@/shop", "no host"},
		{"long path", "mysql://ann:hunter2@h/shop/x", "more than a database name"},
		{"bad parameter", "mysql://ann:hunter2@h/shop?timeout=hunter2", "cannot be read"},
		{"DSN without slash", "ann:hunter2@tcp(h)", "missing the slash"},
		{"DSN without address", "ann:hunter2/shop", "cannot be read"},
		{"DSN, address left open", "ann:hunter2@tcp(h/shop", "not terminated"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := database.Open(database.Config{URL: database.URL(tc.raw)})
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error contains the password: %v", err)
			}
			if !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "DATABASE_URL") {
				t.Errorf("error %q does not contain %q and DATABASE_URL", err, tc.want)
			}
		})
	}
}

func TestValidateReturnsEveryError(t *testing.T) {
	t.Parallel()
	err := database.Config{InstanceConnectionName: "p:r:i", MaxOpenConns: -1}.Validate()
	for _, want := range []string{"DATABASE_USER", "DATABASE_NAME", "DATABASE_MAX_OPEN_CONNS"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not name %s", err, want)
		}
	}
	if err := (database.Config{}).Validate(); err == nil || !strings.Contains(err.Error(), "INSTANCE_CONNECTION_NAME") {
		t.Errorf("nothing configured: error %v does not name the settings", err)
	}
	if err := (database.Config{URL: "mysql://a:b@h/"}).Validate(); err == nil || !strings.Contains(err.Error(), "names no database") {
		t.Errorf("no database name: error %v", err)
	}
}

func TestPasswordIsMasked(t *testing.T) {
	t.Parallel()
	cfg, err := env.ParseAsWithOptions[database.Config](env.Options{Environment: map[string]string{
		"DATABASE_URL": "mysql://ann:hunter2@h:3306/shop",
	}})
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(cfg.URL)
	if err != nil {
		t.Fatal(err)
	}
	var logged strings.Builder
	logger := slog.New(slog.NewTextHandler(&logged, nil))
	logger.Info("x", "url", cfg.URL, "config", cfg)
	for _, printed := range []string{
		cfg.URL.String(), string(asJSON), logged.String(),
		fmt.Sprint(cfg), fmt.Sprintf("%+v", cfg), fmt.Sprintf("%#v", cfg), fmt.Sprintf("%q %x %d", cfg.URL, cfg.URL, cfg.URL),
	} {
		if strings.Contains(printed, "hunter2") || strings.Contains(printed, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the password is not masked: %s", printed)
		}
		if !strings.Contains(printed, "ann:***@h:3306/shop") {
			t.Errorf("the other settings are missing: %s", printed)
		}
	}
	if broken := database.URL("mysql://ann:hunter2#@h"); fmt.Sprint(broken) != "***" {
		t.Errorf("a malformed URL prints as %s", broken)
	}
}

func TestOpenDoesNotDial(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]database.Config{
		"by URL":    {URL: "mysql://ann:pw@host.invalid:3306/shop"},
		"Cloud SQL": {InstanceConnectionName: "p:r:i", User: "ann", Name: "shop"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, err := database.Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got := db.SQL().Stats(); got.OpenConnections != 0 || got.MaxOpenConnections != 8 {
				t.Errorf("pool after Open: %+v", got)
			}
			if err := db.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
}

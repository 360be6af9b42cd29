package main

import (
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestLogins(t *testing.T) {
	t.Parallel()
	list := functions.Manifest()
	t.Run("are one a function", func(t *testing.T) {
		t.Parallel()
		got := logins(list, "user", byFunction)
		if want := len(list.FunctionsOf("user")) - 1; len(got) != want { // jwks has no database
			t.Errorf("got %d logins, want %d", len(got), want)
		}
		for _, l := range got {
			if name := strings.TrimPrefix(l.name, "fn-"); name == "password-reset" && !l.rights.Equal(list.Rights("user", name)) || name == "user-get" && !l.rights.Equal(list.Rights("user")) {
				t.Errorf("%s has the rights %v", l.name, l.rights)
			}
		}
	})
	t.Run("are one for clients and one for Pub/Sub, with a Cloud Run service a service", func(t *testing.T) {
		t.Parallel()
		got := logins(list, "user", byService)
		if len(got) != 2 || got[0].name != "fn-user-http" || got[1].name != "fn-user-push" {
			t.Fatalf("got %v", got)
		}
		// None of the functions that Pub/Sub calls reads refresh tokens' hashes.
		hash := database.Column{Table: "session", Name: "refresh_hash"}
		if slices.Contains(got[0].rights.NoRead, hash) || !slices.Contains(got[1].rights.NoRead, hash) {
			t.Errorf("got %v", got)
		}
	})
}

// TestMigrateAndGrant does what the job on Cloud SQL does, but for how it gets there.
func TestMigrateAndGrant(t *testing.T) {
	t.Parallel()
	url := dbtest.Create(t)
	cfg, err := database.ParseURL(string(url))
	if err != nil {
		t.Fatal(err)
	}
	admin := mustOpen(t, url)
	// Terraform makes the logins, without any right. The name's end is the database's:
	// other tests use the same server.
	suffix := cfg.DBName[max(0, len(cfg.DBName)-20):]
	list := functions.Manifest()
	logins := []login{{"fn-a-" + suffix, list.Rights("user", "session-create")}, {"fn-b-" + suffix, list.Rights("user")}}
	for _, login := range logins {
		mustExec(t, admin, fmt.Sprintf("CREATE USER '%s'@'%%' IDENTIFIED BY 'Enough-For-A-Test-1'", login.name))
		t.Cleanup(func() { _, _ = admin.Exec(fmt.Sprintf("DROP USER '%s'@'%%'", login.name)) })
	}
	settings := database.Config{URL: url, Name: cfg.DBName}
	for range 2 { // every rollout does it again
		// One is of a function that is newer than the last terraform apply.
		missing, err := migrateAndGrant(t.Context(), settings, "user", append([]login{{name: "fn-new-" + suffix}}, logins...))
		if err != nil || !slices.Equal(missing, []string{"fn-new-" + suffix}) {
			t.Fatalf("missing are %q, %v", missing, err)
		}
	}

	cfg.User, cfg.Passwd = logins[1].name, "Enough-For-A-Test-1"
	function := mustOpen(t, database.FormatURL(cfg))
	var n int
	if err := function.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM outbox").Scan(&n); err != nil {
		t.Errorf("the login can't read its database: %v", err)
	}
	if _, err := function.ExecContext(t.Context(), "DELETE FROM outbox"); err != nil {
		t.Errorf("the login can't write its database: %v", err)
	}
	for what, statement := range map[string]string{
		"make a table": "CREATE TABLE mine (id INT)", "drop a table": "DROP TABLE outbox", "read the users": "SELECT * FROM mysql.user",
		"read password hashes": "SELECT password_hash FROM user", "write password hashes": "UPDATE user SET password_hash = ''",
		"grant": "GRANT SELECT ON `" + cfg.DBName + "`.* TO '" + logins[0].name + "'@'%'",
	} {
		if _, err := function.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("the login can %s", what)
		}
	}

	if _, err = migrateAndGrant(t.Context(), settings, "user", []login{{name: "fn-missing-" + suffix}}); err == nil || !strings.Contains(err.Error(), "was terraform applied?") {
		t.Errorf("no login that exists: got %v", err)
	}
}

func mustOpen(t *testing.T, url database.URL) *sql.DB {
	t.Helper()
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db.SQL()
}

func mustExec(t *testing.T, db *sql.DB, statement string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

func TestInstanceOfAService(t *testing.T) {
	t.Parallel()
	environment := map[string]string{
		"INSTANCE_CONNECTION_NAME": "p:r:souk", "ORDER_INSTANCE_CONNECTION_NAME": "p:r:souk-order", "DATABASE_USER": "migrate",
	}
	p := &program{getenv: func(name string) string { return environment[name] }}
	for service, want := range map[string]string{"product": "p:r:souk", "order": "p:r:souk-order"} {
		if got, err := p.cloudSQL(service); err != nil || got.InstanceConnectionName != want || got.Name != "souk_"+service || got.User != "migrate" {
			t.Errorf("%s: got %+v, %v, want %s", service, got, err, want)
		}
	}
}

// TestAuditOnCloudSQL reads the settings that an audit of a restored instance gets.
func TestAuditOnCloudSQL(t *testing.T) {
	t.Parallel()
	environment := map[string]string{"INSTANCE_CONNECTION_NAME": "p:r:souk-2", "DATABASE_USER": "migrate"}
	p := &program{getenv: func(name string) string { return environment[name] }}
	none := ""
	databases, err := p.auditedDatabases(t.Context(), map[string]*string{"product": &none, "order": &none}, true)
	if err != nil || len(databases) != 2 || databases["order"].InstanceConnectionName != "p:r:souk-2" || databases["order"].Name != "souk_order" {
		t.Errorf("got %+v, %v", databases, err)
	}
}

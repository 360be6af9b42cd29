package database_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/dbtest"
)

// MustCreateLogin creates a login without rights, dropped with the test, and returns how
// it reaches the database of url.
func MustCreateLogin(t *testing.T, admin *database.DB, url database.URL) (login string, settings database.Config) {
	t.Helper()
	login, password := "fn-"+strings.ToLower(rand.Text()[:16]), rand.Text()+"a-1"
	MustExec(t, admin, "CREATE USER '"+login+"'@'%' IDENTIFIED BY '"+password+"'")
	t.Cleanup(func() {
		if _, err := admin.SQL().Exec("DROP USER '" + login + "'@'%'"); err != nil { //nolint:noctx // the test's context is done
			t.Error(err)
		}
	})
	cfg, err := database.ParseURL(string(url))
	if err != nil {
		t.Fatal(err)
	}
	cfg.User, cfg.Passwd = login, password
	return login, database.Config{URL: database.FormatURL(cfg)}
}

// MustCreateTables returns a database with a table that holds a secret and one that
// does not.
func MustCreateTables(t *testing.T) (admin *database.DB, url database.URL, name string) {
	t.Helper()
	url = dbtest.Create(t)
	admin = dbtest.Open(t, url, 2)
	MustExec(t, admin, "CREATE TABLE account (id INT PRIMARY KEY, name VARCHAR(9) NOT NULL, password_hash VARCHAR(9) NOT NULL DEFAULT '')")
	MustExec(t, admin, "CREATE TABLE note (id INT PRIMARY KEY)")
	return admin, url, MustQuery[string](t, admin, "SELECT DATABASE()")
}

var (
	hash    = database.Column{Table: "account", Name: "password_hash"}
	guarded = database.Rights{NoRead: []database.Column{hash}, NoWrite: []database.Column{hash}}
)

func TestGrant(t *testing.T) {
	t.Parallel()
	admin, url, name := MustCreateTables(t)
	for _, test := range []struct {
		name    string
		rights  database.Rights
		allowed []string
		denied  []string
	}{
		{"all columns", database.Rights{}, []string{
			"INSERT INTO account VALUES (1, 'a', 'h')", "SELECT * FROM account", "UPDATE account SET password_hash = 'i'",
			"SELECT * FROM account FOR UPDATE", "DELETE FROM account", "INSERT INTO note VALUES (1)", "DELETE FROM note",
		}, []string{"CREATE TABLE mine (id INT)", "DROP TABLE note", "SELECT * FROM mysql.user"}},
		{"all but a column", guarded, []string{
			"INSERT INTO account (id, name) VALUES (1, 'a')", "SELECT id, name FROM account WHERE id = 1 FOR UPDATE",
			"UPDATE account SET name = 'b' WHERE id = 1", "SELECT COUNT(*) FROM account", "DELETE FROM account", "SELECT * FROM note",
		}, []string{
			"SELECT * FROM account", "SELECT id FROM account WHERE password_hash = 'h'", "UPDATE account SET password_hash = 'i'",
			"INSERT INTO account VALUES (1, 'a', 'h')", "UPDATE account SET name = password_hash",
		}},
		{"a column to write alone", database.Rights{NoRead: []database.Column{hash}}, []string{
			"INSERT INTO account (id, name, password_hash) VALUES (1, 'a', 'h')", "UPDATE account SET password_hash = 'i' WHERE id = 1", "DELETE FROM account",
		}, []string{"SELECT password_hash FROM account"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			login, settings := MustCreateLogin(t, admin, url)
			// Rights from before, in both forms: an upgrade takes away what is too much.
			for _, before := range []database.Rights{{}, guarded, test.rights, test.rights} {
				if err := database.Grant(t.Context(), admin, name, login, before); err != nil {
					t.Fatal(err)
				}
			}
			if err := database.CheckLogin(t.Context(), admin, settings, test.rights); err != nil {
				t.Error(err)
			}
			db := dbtest.Open(t, settings.URL, 1)
			for _, statement := range test.allowed {
				MustExec(t, db, statement)
			}
			for _, statement := range test.denied {
				if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "denied") {
					t.Errorf("%s: got %v, want that it is denied", statement, err)
				}
			}
		})
	}
}

// TestGrantByName runs with partial_revokes on, in which Cloud SQL compares the names
// in grants literally. MariaDB has no such variable.
func TestGrantByName(t *testing.T) {
	admin, url, name := MustCreateTables(t)
	if strings.Contains(MustQuery[string](t, admin, "SELECT VERSION()"), "MariaDB") {
		t.Skip("NOT TESTED: this server has no partial_revokes; set DATABASE_URL to a MySQL 8.4 server")
	}
	before := MustQuery[string](t, admin, "SELECT @@GLOBAL.partial_revokes")
	for _, mode := range []string{"ON", "OFF"} {
		MustExec(t, admin, "SET GLOBAL partial_revokes = "+mode)
		t.Cleanup(func() {
			if _, err := admin.SQL().Exec("SET GLOBAL partial_revokes = " + before); err != nil { //nolint:noctx // the test's context is done
				t.Error(err)
			}
		})
		for what, rights := range map[string]database.Rights{"all columns": {}, "all but a column": guarded} {
			t.Run(mode+", "+what, func(t *testing.T) {
				login, settings := MustCreateLogin(t, admin, url)
				if err := database.Grant(t.Context(), admin, name, login, rights); err != nil {
					t.Fatal(err)
				}
				if err := database.CheckLogin(t.Context(), admin, settings, rights); err != nil {
					t.Error(err)
				}
				if err := database.ProveRights(t.Context(), database.Config{URL: url}, rights); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestCheckLogin fails for rights that were granted on another name, as with an escaped
// name and partial_revokes, and for rights that are too many.
func TestCheckLogin(t *testing.T) {
	t.Parallel()
	admin, url, name := MustCreateTables(t)
	login, settings := MustCreateLogin(t, admin, url)
	MustExec(t, admin, "GRANT SELECT, INSERT, UPDATE, DELETE ON `"+name+"_other`.* TO '"+login+"'@'%'")
	if err := database.CheckLogin(t.Context(), admin, settings, database.Rights{}); err == nil || !strings.Contains(err.Error(), "denied") {
		t.Errorf("rights on another database: got %v", err)
	}
	if err := database.Grant(t.Context(), admin, name, login, database.Rights{}); err != nil {
		t.Fatal(err)
	}
	if err := database.CheckLogin(t.Context(), admin, settings, guarded); err == nil || !strings.Contains(err.Error(), "did not refuse") {
		t.Errorf("too many rights: got %v", err)
	}
}

// TestProveRights leaves no login behind.
func TestProveRights(t *testing.T) {
	t.Parallel()
	admin, url, name := MustCreateTables(t)
	if err := database.ProveRights(t.Context(), database.Config{URL: url}, guarded); err != nil {
		t.Fatal(err)
	}
	err := database.ProveRights(t.Context(), database.Config{URL: url, Password: config.NewSecret("unused")},
		database.Rights{NoRead: []database.Column{{Table: "account", Name: "no_such_column"}}})
	if err == nil || !strings.Contains(err.Error(), "there is no column") {
		t.Errorf("a column that is missing: got %v", err)
	}
	const left = "SELECT COUNT(*) FROM information_schema.schema_privileges WHERE grantee LIKE '%souk-proof-%' AND table_schema LIKE ?"
	if n := MustQuery[int](t, admin, left, "%"+name[len("souk_test_"):]); n != 0 {
		t.Errorf("%d logins remain", n)
	}
}

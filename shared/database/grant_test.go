package database_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/dbtest"
)

// mustCreateLogin creates a login without rights and returns its settings for the database of
// url. The login is dropped when the test ends.
func mustCreateLogin(t *testing.T, admin *database.DB, url database.URL) (login string, settings database.Config) {
	t.Helper()
	login, password := "fn-"+strings.ToLower(rand.Text()[:16]), rand.Text()+"a-1"
	mustExec(t, admin, "CREATE USER '"+login+"'@'%' IDENTIFIED BY '"+password+"'")
	t.Cleanup(func() {
		if _, err := admin.SQL().Exec("DROP USER '" + login + "'@'%'"); err != nil {
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

// mustCreateTables returns a new database with a table that has a secret column and one
// without.
func mustCreateTables(t *testing.T) (admin *database.DB, url database.URL, name string) {
	t.Helper()
	url = dbtest.Create(t)
	admin = dbtest.Open(t, url, 2)
	mustExec(t, admin, "CREATE TABLE account (id INT PRIMARY KEY, name VARCHAR(9) NOT NULL, password_hash VARCHAR(9) NOT NULL DEFAULT '')")
	mustExec(t, admin, "CREATE TABLE note (id INT PRIMARY KEY)")
	return admin, url, mustQuery[string](t, admin, "SELECT DATABASE()")
}

var (
	hash    = database.Column{Table: "account", Name: "password_hash"}
	guarded = database.Rights{NoRead: []database.Column{hash}, NoWrite: []database.Column{hash}}
)

func TestGrant(t *testing.T) {
	t.Parallel()
	admin, url, name := mustCreateTables(t)
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
		{"a write-only column", database.Rights{NoRead: []database.Column{hash}}, []string{
			"INSERT INTO account (id, name, password_hash) VALUES (1, 'a', 'h')", "UPDATE account SET password_hash = 'i' WHERE id = 1", "DELETE FROM account",
		}, []string{"SELECT password_hash FROM account"}},
		{"rows to read", database.Rights{ReadOnly: true}, []string{"SELECT * FROM account", "SELECT * FROM note"}, []string{
			"INSERT INTO note VALUES (1)", "UPDATE account SET name = 'b'", "DELETE FROM note",
		}},
		{"rows to read without a column", database.Rights{ReadOnly: true, NoRead: []database.Column{hash}}, []string{
			"SELECT id, name FROM account", "SELECT * FROM note",
		}, []string{"SELECT password_hash FROM account", "INSERT INTO note VALUES (1)", "UPDATE account SET name = 'b'", "DELETE FROM account"}},
		{"rows that do not change", database.Rights{NoChange: []string{"note"}}, []string{
			"INSERT INTO note VALUES (1)", "SELECT * FROM note", "INSERT INTO account VALUES (1, 'a', 'h')", "UPDATE account SET name = 'b'", "DELETE FROM account",
		}, []string{
			"UPDATE note SET id = 2", "DELETE FROM note", "REPLACE INTO note VALUES (1)",
			"INSERT INTO note VALUES (1) ON DUPLICATE KEY UPDATE id = 2", "TRUNCATE TABLE note",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			login, settings := mustCreateLogin(t, admin, url)
			// Previous rights, in both forms: an upgrade revokes those that are too many.
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
				mustExec(t, db, statement)
			}
			for _, statement := range test.denied {
				if _, err := db.ExecContext(t.Context(), statement); err == nil || !strings.Contains(err.Error(), "denied") {
					t.Errorf("%s: got %v, want an error that it is denied", statement, err)
				}
			}
		})
	}
}

// TestGrantByAdministratorWithoutSight requires an error where old rights cannot be revoked,
// because the administrator does not see them.
func TestGrantByAdministratorWithoutSight(t *testing.T) {
	t.Parallel()
	root, url, name := mustCreateTables(t)
	low, settings := mustCreateLogin(t, root, url)
	mustExec(t, root, "GRANT ALL PRIVILEGES ON `"+name+"`.* TO '"+low+"'@'%' WITH GRANT OPTION")
	admin := dbtest.Open(t, settings.URL, 1)
	login, _ := mustCreateLogin(t, root, url)
	if err := database.Grant(t.Context(), root, name, login, database.Rights{}); err != nil {
		t.Fatal(err)
	}
	err := database.Grant(t.Context(), admin, name, login, guarded)
	if err == nil || !strings.Contains(err.Error(), "SELECT on mysql.*") {
		t.Errorf("got %v, want an error that names the missing right", err)
	}
}

// TestGrantByName runs with partial_revokes, with which Cloud SQL compares the names in grants
// literally. MariaDB does not have that variable.
func TestGrantByName(t *testing.T) {
	admin, url, name := mustCreateTables(t)
	if strings.Contains(mustQuery[string](t, admin, "SELECT VERSION()"), "MariaDB") {
		t.Skip("NOT TESTED: this server has no partial_revokes; set DATABASE_URL to a MySQL 8.4 server")
	}
	before := mustQuery[string](t, admin, "SELECT @@GLOBAL.partial_revokes")
	for _, mode := range []string{"ON", "OFF"} {
		mustExec(t, admin, "SET GLOBAL partial_revokes = "+mode)
		t.Cleanup(func() {
			if _, err := admin.SQL().Exec("SET GLOBAL partial_revokes = " + before); err != nil {
				t.Error(err)
			}
		})
		for scope, rights := range map[string]database.Rights{"all columns": {}, "all but a column": guarded} {
			t.Run(mode+", "+scope, func(t *testing.T) {
				login, settings := mustCreateLogin(t, admin, url)
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

// TestCheckLogin checks logins with rights on another name, as with an escaped name and
// partial_revokes, and with too many rights.
func TestCheckLogin(t *testing.T) {
	t.Parallel()
	admin, url, name := mustCreateTables(t)
	login, settings := mustCreateLogin(t, admin, url)
	mustExec(t, admin, "GRANT SELECT, INSERT, UPDATE, DELETE ON `"+name+"_other`.* TO '"+login+"'@'%'")
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

// TestProveRights checks that no login remains.
func TestProveRights(t *testing.T) {
	t.Parallel()
	admin, url, name := mustCreateTables(t)
	if err := database.ProveRights(t.Context(), database.Config{URL: url}, guarded); err != nil {
		t.Fatal(err)
	}
	err := database.ProveRights(t.Context(), database.Config{URL: url, Password: config.NewSecret("unused")},
		database.Rights{NoRead: []database.Column{{Table: "account", Name: "no_such_column"}}})
	if err == nil || !strings.Contains(err.Error(), "there is no column") {
		t.Errorf("a column that is missing: got %v", err)
	}
	login := database.ProofLogin(name)
	const logins = "SELECT COUNT(*) FROM information_schema.user_privileges WHERE grantee = ?"
	if n := mustQuery[int](t, admin, logins, "'"+login+"'@'%'"); n != 0 {
		t.Errorf("the login %s remains", login)
	}
	mustExec(t, admin, "CREATE USER '"+login+"'@'%' IDENTIFIED BY 'of-one-that-was-killed-1'")
	if err := database.ProveRights(t.Context(), database.Config{URL: url}, guarded); err != nil {
		t.Errorf("after one that was killed: %v", err)
	}
	if n := mustQuery[int](t, admin, logins, "'"+login+"'@'%'"); n != 0 {
		t.Errorf("the login %s of one that was killed remains", login)
	}
}

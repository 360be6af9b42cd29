package mysql_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"souk/emulators/mysql"
	"souk/shared/database"
	"souk/shared/dbtest"
)

// mustProvision creates a service's database with one table, dropped when the test ends.
func mustProvision(t *testing.T, name string) (url database.URL, a mysql.Access) {
	t.Helper()
	a = mysql.Access{Database: name, User: name, Password: mysql.NewPassword()}
	admin := dbtest.URL(t)
	t.Cleanup(func() {
		db := mustOpen(t, admin)
		for _, statement := range []string{"DROP DATABASE IF EXISTS ", "DROP USER IF EXISTS "} {
			if _, err := db.ExecContext(context.Background(), statement+name); err != nil {
				t.Error(err)
			}
		}
	})
	// The database of the URL does not exist: only the server is used.
	elsewhere, err := mysql.DatabaseURL(admin, "no_such_database")
	if err != nil {
		t.Fatal(err)
	}
	owner, err := mysql.CreateDatabase(t.Context(), elsewhere, name)
	if err != nil {
		t.Fatal(err)
	}
	url, err = mysql.Provision(t.Context(), elsewhere, a)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, mustOpen(t, owner), `CREATE TABLE IF NOT EXISTS thing (id INT PRIMARY KEY)`)
	return url, a
}

func unique(prefix string) string {
	return prefix + "_" + strings.ToLower(rand.Text()[:8])
}

// TestReadOnlyUser requires that a user with rights to read and to see connections writes
// nothing.
func TestReadOnlyUser(t *testing.T) {
	t.Parallel()
	_, a := mustProvision(t, unique("read"))
	a.User, a.Rights.ReadOnly, a.Process = unique("reader"), true, true
	url, err := mysql.Provision(t.Context(), dbtest.URL(t), a)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := mustOpen(t, dbtest.URL(t)).ExecContext(context.Background(), "DROP USER "+a.User); err != nil {
			t.Error(err)
		}
	})
	db := mustOpen(t, url)
	mustExec(t, db, `SELECT * FROM thing`)
	var users int
	if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM information_schema.processlist WHERE user <> ?`, a.User).Scan(&users); err != nil || users == 0 {
		t.Errorf("the user sees %d connections of others, %v; want some", users, err)
	}
	for _, denied := range []string{
		`INSERT INTO thing VALUES (1)`, `UPDATE thing SET id = 2`, `DELETE FROM thing`, `CREATE TABLE more (id INT)`, `SELECT * FROM mysql.user`,
	} {
		var refused *driver.MySQLError
		if _, err := db.ExecContext(t.Context(), denied); !errors.As(err, &refused) || !denials[refused.Number] {
			t.Errorf("%s: error = %v, want that it is denied", denied, err)
		}
	}
}

// denials are the server's error numbers for missing privileges:
// https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html.
var denials = map[uint16]bool{1044: true, 1045: true, 1142: true, 1227: true, 1370: true, 1410: true}

func TestServiceUser(t *testing.T) {
	t.Parallel()
	own := unique("own_x")
	// If _ in a grant is a wildcard, this database is granted too.
	alike := strings.Replace(own, "own_x", "ownAx", 1)
	alike = strings.ToLower(alike)
	url, _ := mustProvision(t, own)
	mustProvision(t, alike)
	db := mustOpen(t, url)

	for _, allowed := range []string{
		`INSERT INTO thing VALUES (1)`, `UPDATE thing SET id = 2 WHERE id = 1`, `SELECT * FROM thing FOR UPDATE`, `DELETE FROM thing`,
	} {
		t.Run("the user may "+allowed, func(t *testing.T) { mustExec(t, db, allowed) })
	}
	for _, denied := range []string{
		`SELECT * FROM ` + alike + `.thing`,
		`INSERT INTO ` + alike + `.thing VALUES (1)`,
		`SELECT * FROM mysql.user`,
		`CREATE TABLE more (id INT)`,
		`ALTER TABLE thing ADD COLUMN more INT`,
		`DROP TABLE thing`,
		`TRUNCATE TABLE thing`,
		`CREATE INDEX more ON thing (id)`,
		`CREATE DATABASE more_` + own,
		`DROP DATABASE ` + own,
		`CREATE USER more_` + own,
		`GRANT SELECT ON ` + own + `.* TO ` + alike,
		`SET GLOBAL max_connections = 5`,
		`SELECT id FROM thing INTO OUTFILE '/tmp/souk-must-not-be'`,
	} {
		t.Run("the user may not "+denied, func(t *testing.T) {
			_, err := db.ExecContext(t.Context(), denied)
			var server *driver.MySQLError
			if !errors.As(err, &server) || !denials[server.Number] {
				t.Errorf("error = %v, want access denied", err)
			}
		})
	}
}

func TestProvisionAgain(t *testing.T) {
	t.Parallel()
	name := unique("again")
	url, a := mustProvision(t, name)
	mustExec(t, mustOpen(t, url), `INSERT INTO thing VALUES (1)`)

	a.Password = mysql.NewPassword()
	again, err := mysql.Provision(t.Context(), dbtest.URL(t), a)
	if err != nil {
		t.Fatal(err)
	}
	if n := mustQuery[int](t, mustOpen(t, again), `SELECT COUNT(*) FROM thing`); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
	if err := mustOpen(t, url).PingContext(t.Context()); err == nil {
		t.Error("the old password is still valid")
	}
}

func TestProvisionRejectsInvalidNames(t *testing.T) {
	t.Parallel()
	good := mysql.Access{Database: "shop", User: "shop", Password: mysql.NewPassword()}
	for _, spoil := range []func(a *mysql.Access){
		func(a *mysql.Access) { a.Database = "shop`; DROP" },
		func(a *mysql.Access) { a.User = "o'neill" },
		func(a *mysql.Access) { a.Password = "hunter2" },
	} {
		bad := good
		spoil(&bad)
		_, err := mysql.Provision(t.Context(), "mysql://root@127.0.0.1:1/", bad)
		if err == nil || !strings.Contains(err.Error(), "does not match") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v: got %v", bad, err)
		}
	}
	if printed := fmt.Sprintf("%v %+v %#v %s", good, good, good, good); strings.Contains(printed, good.Password) {
		t.Errorf("the output contains the password: %s", printed)
	}
}

func TestExternalServer(t *testing.T) {
	t.Parallel()
	t.Run("an external server is used and not stopped", func(t *testing.T) {
		t.Parallel()
		server := mustStart(t, mysql.Options{URL: dbtest.URL(t)})
		if server.Private || server.Kind == "" || server.Version == "" || server.Done() != nil {
			t.Errorf("got %+v", server)
		}
		mustStop(t, server)
		if err := mustOpen(t, server.AdminURL()).PingContext(t.Context()); err != nil {
			t.Errorf("after Stop: %v", err)
		}
	})
	t.Run("a user without privileges is rejected", func(t *testing.T) {
		t.Parallel()
		url, _ := mustProvision(t, unique("weak"))
		_, err := mysql.Start(t.Context(), mysql.Options{URL: url})
		if err == nil || !strings.Contains(err.Error(), "may not create databases and users") || !strings.Contains(err.Error(), "GRANT") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a user that may not create databases leaves no trial user", func(t *testing.T) {
		t.Parallel()
		admin := mustOpen(t, dbtest.URL(t))
		name, password := unique("low"), mysql.NewPassword()
		mustExec(t, admin, "CREATE USER '"+name+"'@'%' IDENTIFIED BY '"+password+"'")
		mustExec(t, admin, "GRANT CREATE USER ON *.* TO '"+name+"'@'%'")
		t.Cleanup(func() { _, _ = admin.ExecContext(context.Background(), "DROP USER '"+name+"'@'%'") })
		cfg, err := database.ParseURL(string(dbtest.URL(t)))
		if err != nil {
			t.Fatal(err)
		}
		cfg.User, cfg.Passwd = name, password
		_, err = mysql.Start(t.Context(), mysql.Options{URL: database.FormatURL(cfg)})
		if err == nil || !strings.Contains(err.Error(), "may not create databases and users") {
			t.Errorf("got %v", err)
		}
		// Other tests have trial users for a moment, too, and theirs differ.
		if created := regexp.MustCompile(`souk_check_[a-z0-9]+`).FindString(fmt.Sprint(err)); created == "" {
			t.Errorf("the error %v does not name the trial database", err)
		} else if n := mustQuery[int](t, admin, "SELECT COUNT(*) FROM mysql.user WHERE user = '"+created+"'"); n != 0 {
			t.Errorf("the user %s is left", created)
		}
	})
	t.Run("a wrong password is rejected", func(t *testing.T) {
		t.Parallel()
		cfg, err := database.ParseURL(string(dbtest.URL(t)))
		if err != nil {
			t.Fatal(err)
		}
		cfg.User, cfg.Passwd = "unknown", "hunter2"
		_, err = mysql.Start(t.Context(), mysql.Options{URL: database.FormatURL(cfg)})
		if err == nil || !strings.Contains(err.Error(), "check the user and the password") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an unreachable server is an error", func(t *testing.T) {
		t.Parallel()
		_, err := mysql.Start(t.Context(), mysql.Options{URL: "mysql://root:hunter2@127.0.0.1:1/"})
		if err == nil || !strings.Contains(err.Error(), "is the server running") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("an incomplete URL is an error", func(t *testing.T) {
		t.Parallel()
		_, err := mysql.Start(t.Context(), mysql.Options{URL: "postgres://root:hunter2@h/"})
		if err == nil || !strings.Contains(err.Error(), "DATABASE_URL") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v", err)
		}
	})
}

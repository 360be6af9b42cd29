package mysql_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"testing"

	driver "github.com/go-sql-driver/mysql"

	"souk/emulators/mysql"
	"souk/shared/database"
)

// TestServerStates puts a server into states in which it rejects statements, and sends it
// statements as a function does.
func TestServerStates(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	server := mustStart(t, mysql.Options{StateDir: t.TempDir(), Throwaway: true})
	admin := mustOpen(t, server.AdminURL())
	access := mysql.Access{Database: "shop", User: "shop", Password: mysql.NewPassword()}
	if _, err := mysql.CreateDatabase(t.Context(), server.AdminURL(), access.Database); err != nil {
		t.Fatal(err)
	}
	url, err := mysql.Provision(t.Context(), server.AdminURL(), access)
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, admin, `CREATE TABLE shop.note (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(2000) NOT NULL)`)

	for _, tc := range []struct {
		name    string
		numbers []uint16
		enter   []string
		leave   []string
		insert  string
		reads   bool // reads still succeed
	}{
		{
			name: "read-only", numbers: []uint16{1290},
			enter: []string{`SET GLOBAL read_only = 1`}, leave: []string{`SET GLOBAL read_only = 0`},
			insert: `INSERT INTO note (text) VALUES ('x')`, reads: true,
		},
		{
			name: "too many connections of the user", numbers: []uint16{1203, 1226},
			enter: []string{`ALTER USER 'shop'@'%' WITH MAX_USER_CONNECTIONS 1`}, leave: []string{`ALTER USER 'shop'@'%' WITH MAX_USER_CONNECTIONS 0`},
			insert: `INSERT INTO note (text) VALUES ('x')`,
		},
		{
			name: "full", numbers: []uint16{1114}, // a bounded table simulates a full disk
			enter: []string{
				`SET GLOBAL max_heap_table_size = 16384`,
				`CREATE TABLE shop.bounded (id INT PRIMARY KEY AUTO_INCREMENT, text VARCHAR(2000) NOT NULL) ENGINE = MEMORY`,
			},
			leave:  []string{`DROP TABLE shop.bounded`},
			insert: `INSERT INTO bounded (text) SELECT REPEAT('x', 2000) FROM information_schema.columns`, reads: true,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, statement := range tc.enter {
				// The global values apply to new sessions.
				mustExec(t, mustOpen(t, server.AdminURL()), statement)
			}
			// The other connection stays in use.
			other := mustOpen(t, url)
			if err := other.PingContext(t.Context()); err != nil {
				t.Fatal(err)
			}
			for how, write := range writes {
				db := mustOpenAsFunction(t, url)
				err := write(t.Context(), db, tc.insert)
				var refused *driver.MySQLError
				if !errors.As(err, &refused) || !slices.Contains(tc.numbers, refused.Number) {
					t.Errorf("%s: got %v, want one of %d", how, err, tc.numbers)
				}
				if !database.IsUnavailable(err) {
					t.Errorf("%s: %v does not count as unavailable", how, err)
				}
				var n int
				if err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM note`).Scan(&n); (err == nil) != tc.reads {
					t.Errorf("%s: read error = %v, want success: %t", how, err, tc.reads)
				}
			}
			for _, statement := range tc.leave {
				mustExec(t, admin, statement)
			}
			for how, write := range writes {
				if err := write(t.Context(), mustOpenAsFunction(t, url), `INSERT INTO note (text) VALUES ('x')`); err != nil {
					t.Errorf("%s, afterwards: %v", how, err)
				}
			}
		})
	}
	t.Run("too many connections are reported", func(t *testing.T) {
		mustExec(t, admin, `SET GLOBAL max_connections = 10`)
		filler := mustOpen(t, url)
		var last error
		for range 20 {
			var conn *sql.Conn
			if conn, last = filler.Conn(t.Context()); last != nil {
				break
			}
			t.Cleanup(func() { _ = conn.Close() })
		}
		if !database.IsUnavailable(last) {
			t.Errorf("excess connection: %v does not count as unavailable", last)
		}
		for how, write := range writes {
			err := write(t.Context(), mustOpenAsFunction(t, url), `INSERT INTO note (text) VALUES ('x')`)
			var refused *driver.MySQLError
			if !errors.As(err, &refused) || refused.Number != 1040 || !database.IsUnavailable(err) {
				t.Errorf("%s: got %v, want 1040, unavailable", how, err)
			}
		}
	})
}

// writes are the ways in which a function writes.
var writes = map[string]func(ctx context.Context, db *database.DB, insert string) error{
	"by itself": func(ctx context.Context, db *database.DB, insert string) error {
		_, err := db.ExecContext(ctx, insert)
		return err
	},
	"in a transaction": func(ctx context.Context, db *database.DB, insert string) error {
		return db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.ExecContext(ctx, insert)
			return err
		})
	},
}

func mustOpenAsFunction(t *testing.T, url database.URL) *database.DB {
	t.Helper()
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// TestOtherDefaults opens sessions on a server with all defaults changed.
func TestOtherDefaults(t *testing.T) {
	needsProgram(t)
	t.Parallel()
	server := mustStart(t, mysql.Options{StateDir: t.TempDir(), Throwaway: true})
	variables := sessionVariables(server.Kind)
	usual := map[string]string{}
	db := mustOpen(t, server.AdminURL())
	for name := range variables {
		usual[name] = mustQuery[string](t, db, `SELECT @@SESSION.`+name)
	}
	raw := mustOpen(t, server.AdminURL())
	for name, other := range variables {
		if _, err := raw.ExecContext(t.Context(), fmt.Sprintf(`SET GLOBAL %s = %s`, name, other)); err != nil {
			t.Fatalf("set %s: %v", name, err)
		}
	}
	after := mustOpen(t, server.AdminURL())
	for name := range variables {
		if global := mustQuery[string](t, after, `SELECT @@GLOBAL.`+name); global == usual[name] {
			t.Errorf("%s has the default %s: the test is ineffective", name, global)
		}
		if got := mustQuery[string](t, after, `SELECT @@SESSION.`+name); got != usual[name] {
			t.Errorf("%s is %s in a session, want %s", name, got, usual[name])
		}
	}
}

// sessionVariables returns other values for the variables that affect statements.
func sessionVariables(kind string) map[string]string {
	isolation, readOnly := "tx_isolation", "tx_read_only"
	if kind != "MariaDB" {
		isolation, readOnly = "transaction_isolation", "transaction_read_only"
	}
	return map[string]string{
		"autocommit": "0", "completion_type": "'CHAIN'", "sql_mode": "'ANSI'", "time_zone": "'-08:00'",
		isolation: "'SERIALIZABLE'", readOnly: "1", "innodb_lock_wait_timeout": "1",
		"foreign_key_checks": "0", "unique_checks": "0", "sql_auto_is_null": "1", "sql_safe_updates": "1",
		"default_storage_engine": "'MyISAM'", "collation_connection": "'utf8mb4_bin'",
	}
}

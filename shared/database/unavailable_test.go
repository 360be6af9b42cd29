package database_test

import (
	"context"
	"fmt"
	"net"
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestIsUnavailable(t *testing.T) {
	t.Parallel()
	t.Run("a server that cannot be reached", func(t *testing.T) {
		t.Parallel()
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		if err := listener.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := database.Open(database.Config{URL: database.URL("mysql://a:b@" + address + "/c")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		if err := db.PingContext(t.Context()); !database.IsUnavailable(err) {
			t.Errorf("got %v", err)
		}
		err = db.InTx(t.Context(), func(context.Context, *database.Tx) error { return nil })
		if !database.IsUnavailable(err) {
			t.Errorf("in a transaction: got %v", err)
		}
	})

	t.Run("a connection that the server kills in every try", func(t *testing.T) {
		t.Parallel()
		db := dbtest.New(t)
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			id := mustQuery[int64](t, tx, `SELECT CONNECTION_ID()`)
			mustExec(t, db, `KILL ?`, id)
			_, err := tx.ExecContext(ctx, `DO 1`)
			return err
		})
		if !database.IsUnavailable(err) {
			t.Errorf("got %v", err)
		}
	})

	t.Run("not an error of a statement", func(t *testing.T) {
		t.Parallel()
		db := dbtest.New(t)
		for _, statement := range []string{`SELEC 1`, `SELECT * FROM missing`} {
			if _, err := db.ExecContext(t.Context(), statement); err == nil || database.IsUnavailable(err) {
				t.Errorf("%s: got %v", statement, err)
			}
		}
		if database.IsUnavailable(nil) {
			t.Error("nil is not an error")
		}
	})
}

// TestServerErrors makes statements fail with errors of the server: those of its state count as
// unavailable, at a commit only those after which nothing is committed.
func TestServerErrors(t *testing.T) {
	t.Parallel()
	const noSpace = "Got error 28 (No space left on device)"
	for number, want := range map[uint16]struct {
		message            string
		statement, commits bool // counts as unavailable
	}{
		1290: {"--read-only", true, true}, 1792: {"READ ONLY transaction", true, true}, 1836: {"read-only mode", true, true},
		3: {noSpace, true, false}, 1021: {"Disk full", true, false}, 1026: {noSpace, true, false}, 1030: {noSpace, true, false}, 1114: {"full", true, false},
		1040: {"Too many connections", true, false}, 1041: {"Out of memory", true, false}, 1129: {"Host is blocked", true, false}, 1135: {"no thread", true, false},
		1203: {"Too many of the user", true, false}, 1226: {"The user's limit", true, false},
		1053: {"Shutdown", true, false}, 1927: {"Killed", true, false}, 3168: {"Not available", true, false}, 4031: {"Inactivity", true, false},
		// Errors of the statement.
		1025: {noSpace, false, false}, 1062: {"Duplicate entry", false, false}, 1064: {"Syntax", false, false}, 1452: {"Foreign key", false, false},
	} {
		t.Run(fmt.Sprint(number), func(t *testing.T) {
			t.Parallel()
			fail := dbtest.Fail(number, "HY000", want.message)
			for at, counts := range map[string]bool{"INSERT INTO note VALUES ()": want.statement, "COMMIT": want.commits} {
				db, _ := openThrough(t, func(statement string) dbtest.Fate {
					if statement == at {
						return fail
					}
					return dbtest.Pass
				})
				err := db.InTx(t.Context(), exec(`INSERT INTO note VALUES ()`))
				if err == nil || database.IsUnavailable(err) != counts {
					t.Errorf("at %s: got %v, want it to count as unavailable: %t", at, err, counts)
				}
			}
		})
	}
}

package database_test

import (
	"context"
	"net"
	"testing"

	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestIsUnavailable(t *testing.T) {
	t.Parallel()
	t.Run("a server that is not there", func(t *testing.T) {
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

	t.Run("a connection that the server ends, each time", func(t *testing.T) {
		t.Parallel()
		db := dbtest.New(t)
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			id := MustQuery[int64](t, tx, `SELECT CONNECTION_ID()`)
			MustExec(t, db, `KILL ?`, id)
			_, err := tx.ExecContext(ctx, `DO 1`)
			return err
		})
		if !database.IsUnavailable(err) {
			t.Errorf("got %v", err)
		}
	})

	t.Run("not a statement's own fault", func(t *testing.T) {
		t.Parallel()
		db := dbtest.New(t)
		for _, statement := range []string{`SELEC 1`, `SELECT * FROM missing`} {
			if _, err := db.ExecContext(t.Context(), statement); err == nil || database.IsUnavailable(err) {
				t.Errorf("%s: got %v", statement, err)
			}
		}
		if database.IsUnavailable(nil) {
			t.Error("nil is no error")
		}
	})
}

package database_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// hangTimeout is the statement timeout of these tests. On a busy machine a statement may take
// as long without hanging, so operations that must succeed are retried.
const hangTimeout = 300 * time.Millisecond

// operations are all operations of a DB.
var operations = map[string]func(context.Context, *database.DB) error{
	"ping": func(ctx context.Context, db *database.DB) error { return db.PingContext(ctx) },
	"exec": func(ctx context.Context, db *database.DB) error {
		_, err := db.ExecContext(ctx, `INSERT INTO note VALUES ()`)
		return err
	},
	"query": func(ctx context.Context, db *database.DB) error { return readNotes(ctx, db) },
	"query row": func(ctx context.Context, db *database.DB) error {
		var n int
		return db.QueryRowContext(ctx, `SELECT COUNT(*) FROM note`).Scan(&n)
	},
	"transaction": func(ctx context.Context, db *database.DB) error {
		return db.InTx(ctx, exec(`INSERT INTO note VALUES ()`))
	},
	"transaction that reads": func(ctx context.Context, db *database.DB) error {
		return db.InTx(ctx, func(ctx context.Context, tx *database.Tx) error { return readNotes(ctx, tx) })
	},
	"transaction that is rolled back": func(ctx context.Context, db *database.DB) error {
		return db.InTx(ctx, func(context.Context, *database.Tx) error { return errRefused })
	},
	"coalesced statement": func(ctx context.Context, db *database.DB) error {
		run := func(ctx context.Context, q database.Queryer, _ []int) error {
			_, err := q.ExecContext(ctx, `INSERT INTO note VALUES ()`)
			return err
		}
		return database.NewCoalescer(db, run).Do(ctx, []int{1})
	},
}

var errRefused = errors.New("refused")

func readNotes(ctx context.Context, q database.Queryer) error {
	rows, err := q.QueryContext(ctx, `SELECT id, REPEAT('x', 100) FROM note`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

// openThrough opens a new database with notes through a proxy.
func openThrough(t *testing.T, decide func(string) dbtest.Fate) (*database.DB, *dbtest.Proxy) {
	t.Helper()
	url := dbtest.Create(t)
	direct := mustOpen(t, url)
	mustExec(t, direct, `CREATE TABLE note (id INT PRIMARY KEY AUTO_INCREMENT)`)
	mustExec(t, direct, `INSERT INTO note VALUES `+strings.Repeat("(),", 999)+"()")
	proxy := dbtest.NewProxy(t, url, decide)
	db, err := database.Open(database.Config{URL: proxy.URL, MaxOpenConns: 2, StatementTimeout: hangTimeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, proxy
}

// TestHang makes the server stop responding at each statement of each operation: the operation
// times out, and its connection is closed.
func TestHang(t *testing.T) {
	t.Parallel()
	for name, operation := range operations {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var statements recorder
			db, _ := openThrough(t, statements.decide)
			requireSuccess(t, db, operation)
			t.Run("a server that hangs before the handshake is unavailable", func(t *testing.T) {
				t.Parallel()
				db, proxy := openThrough(t, func(string) dbtest.Fate { return dbtest.Pass })
				proxy.Hang(true)
				if err := operation(t.Context(), db); !database.IsUnavailable(err) {
					t.Errorf("got %v, want an error of the server's state", err)
				}
				requireClosed(t, db)
				proxy.Hang(false)
				requireSuccess(t, db, operation)
			})
			for _, statement := range statements.all() {
				fates := map[string]dbtest.Fate{"at": dbtest.Hang}
				if strings.HasPrefix(statement, "SELECT id") {
					fates["in the result of"] = dbtest.HangInResult
				}
				for where, fate := range fates {
					t.Run(where+" "+statement, func(t *testing.T) {
						t.Parallel()
						testHangAt(t, operation, statement, fate)
					})
				}
			}
		})
	}
}

func testHangAt(t *testing.T, operation func(context.Context, *database.DB) error, at string, fate dbtest.Fate) {
	t.Helper()
	hangs := once{}
	db, _ := openThrough(t, func(statement string) dbtest.Fate {
		if statement == at && hangs.first() {
			return fate
		}
		return dbtest.Pass
	})
	var err error
	for !hangs.happened() {
		if err = operation(t.Context(), db); err == nil {
			t.Fatal("no error")
		}
	}
	switch {
	case at == "ROLLBACK" && !errors.Is(err, errRefused):
		t.Errorf("got %v, want the error of the transaction", err)
	case at != "ROLLBACK" && database.IsUnavailable(err) != (at != "COMMIT"):
		t.Errorf("got %v, and IsUnavailable %t", err, database.IsUnavailable(err))
	}
	requireClosed(t, db)
	requireSuccess(t, db, operation)
}

func requireClosed(t *testing.T, db *database.DB) {
	t.Helper()
	if stats := db.SQL().Stats(); stats.OpenConnections != 0 {
		t.Errorf("%d connections are open, %d of them in use", stats.OpenConnections, stats.InUse)
	}
}

func requireSuccess(t *testing.T, db *database.DB, operation func(context.Context, *database.DB) error) {
	t.Helper()
	for {
		err := operation(t.Context(), db)
		if err == nil || errors.Is(err, errRefused) {
			return
		}
		if t.Context().Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("afterwards: %v", err)
		}
	}
}

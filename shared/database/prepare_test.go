package database_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// row is a row with columns of all types that the shop uses.
type row struct {
	ID        []byte
	Small     int8
	Big       int64
	Unsigned  uint64
	Price     string
	Share     float64
	Flag      bool
	Name      string
	Nullable  *string
	JSON      []byte
	At        time.Time
	AtSeconds time.Time
	Never     *time.Time
	Day       time.Time
}

const (
	rowColumns = `id, small, big, unsigned_big, price, share, flag, name, nullable, json, at, at_seconds, never, day`
	selectRow  = `SELECT ` + rowColumns + ` FROM every_type WHERE id = ? AND big = ? AND name = ? AND at = ? AND share >= ? LIMIT ?`
)

func scanRow(s database.Scanner) (r row, err error) {
	err = s.Scan(&r.ID, &r.Small, &r.Big, &r.Unsigned, &r.Price, &r.Share, &r.Flag, &r.Name, &r.Nullable, &r.JSON,
		&r.At, &r.AtSeconds, &r.Never, &r.Day)
	return r, err
}

// TestPreparedStatementsReturnTheSame runs statements as text and prepared, with values of every
// type.
func TestPreparedStatementsReturnTheSame(t *testing.T) {
	t.Parallel()
	url := dbtest.Create(t)
	db := dbtest.Open(t, url, 1) // statements are prepared by connection
	mustExec(t, db, `CREATE TABLE every_type (
		id BINARY(16) PRIMARY KEY, small TINYINT NOT NULL, big BIGINT NOT NULL, unsigned_big BIGINT UNSIGNED NOT NULL,
		price DECIMAL(20, 4) NOT NULL, share DOUBLE NOT NULL, flag BOOLEAN NOT NULL, name VARCHAR(200) NOT NULL,
		nullable VARCHAR(10) NULL, json JSON NOT NULL, at DATETIME(6) NOT NULL, at_seconds DATETIME NOT NULL,
		never DATETIME(6) NULL, day DATE NOT NULL)`)
	want := row{
		Small: math.MinInt8, Big: math.MinInt64, Unsigned: math.MaxUint64, Price: "-1234567890123456.7890", Share: 0.1, Flag: true,
		Name: "'\\🛍\"\x00\n%_?;--", JSON: []byte(`{"a": "é?"}`),
		At: time.Date(2026, 3, 29, 1, 30, 0, 123456000, time.UTC), AtSeconds: time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC),
		Day: time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC),
	}
	for i := range byte(6) {
		want.ID = slices.Repeat([]byte{i * 51, 0, 255, '\''}, 4)
		n := mustExec(t, db, `INSERT INTO every_type (`+rowColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			want.ID, want.Small, want.Big, want.Unsigned, want.Price, want.Share, want.Flag, want.Name, want.Nullable, string(want.JSON),
			want.At, want.AtSeconds, want.Never, want.Day)
		got, err := database.Get(t.Context(), db, scanRow, selectRow, want.ID, want.Big, want.Name, want.At, want.Share, 1)
		if err != nil || n != 1 {
			t.Fatalf("use %d: %d rows, %v", i+1, n, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("use %d (-want +got)\n%s", i+1, diff)
		}
		if n := mustExec(t, db, `UPDATE every_type SET flag = flag WHERE id IN (?, ?)`, want.ID, []byte("missing")); n != 1 {
			t.Errorf("use %d counts %d rows that matched, want 1", i+1, n)
		}
	}

	t.Run("after the table has changed", func(t *testing.T) {
		other := dbtest.Open(t, url, 1)
		for _, change := range []string{
			`ALTER TABLE every_type ADD COLUMN added INT NOT NULL DEFAULT 7`,
			`ALTER TABLE every_type MODIFY COLUMN small BIGINT NOT NULL`,
			`ALTER TABLE every_type MODIFY COLUMN name VARCHAR(300) NOT NULL, DROP COLUMN added`,
		} {
			mustExec(t, other, change)
			got, err := database.Get(t.Context(), db, scanRow, selectRow, want.ID, want.Big, want.Name, want.At, want.Share, 1)
			if err != nil {
				t.Fatalf("%s: %v", change, err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got)\n%s", change, diff)
			}
		}
	})
}

// TestPreparedStatementsOfALostConnection cuts the connection at each execution.
func TestPreparedStatementsOfALostConnection(t *testing.T) {
	t.Parallel()
	url := dbtest.Create(t)
	var cut atomic.Bool
	proxy := dbtest.NewProxy(t, url, func(statement string) dbtest.Fate {
		if strings.HasPrefix(statement, "UPDATE counter SET n = n + ?") && cut.CompareAndSwap(true, false) {
			return dbtest.CutBefore
		}
		return dbtest.Pass
	})
	db := dbtest.Open(t, proxy.URL, 1)
	mustExec(t, db, `CREATE TABLE counter (id INT PRIMARY KEY, n INT NOT NULL)`)
	mustExec(t, db, `INSERT INTO counter VALUES (1, 0)`)
	const increments = 12
	for i := range increments {
		cut.Store(i%4 == 3) // when it is prepared
		err := db.InTx(t.Context(), func(ctx context.Context, tx *database.Tx) error {
			_, err := tx.ExecContext(ctx, `UPDATE counter SET n = n + ? WHERE id = ?`, 1, 1)
			return err
		})
		if err != nil {
			t.Fatalf("increment %d: %v", i, err)
		}
		if cut.Load() {
			t.Fatalf("increment %d was not prepared: the proxy has not seen it with its placeholders", i)
		}
	}
	if n := mustQuery[int](t, db, `SELECT n FROM counter`); n != increments {
		t.Errorf("the counter is %d, want %d", n, increments)
	}
}

// TestExecOfRows runs a statement that returns rows as one that returns none, several times over
// one connection.
func TestExecOfRows(t *testing.T) {
	t.Parallel()
	db := dbtest.Open(t, dbtest.Create(t), 1)
	for range 5 {
		if _, err := db.ExecContext(t.Context(), `SELECT ?, ?`, 1, "text"); err != nil {
			t.Fatal(err)
		}
	}
}

package dbtest_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"go.uber.org/goleak"

	"souk/shared/database"
	"souk/shared/dbtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("go.opencensus.io/stats/view.(*worker).start"))
}

// tables returns migrations of n tables, one file each.
func tables(n int) database.Migrations {
	files := fstest.MapFS{}
	for i := range n {
		files[fmt.Sprintf("%05d_t.sql", i+1)] = &fstest.MapFile{Data: fmt.Appendf(nil,
			"-- +goose Up\nCREATE TABLE t%d (id BINARY(16) PRIMARY KEY, name VARCHAR(100) NOT NULL, UNIQUE KEY (name));\n", i)}
	}
	return database.Migrations{Name: "test", FS: files}
}

func TestNew(t *testing.T) {
	t.Parallel()
	var names [2]string
	t.Run("creates a database for each test", func(t *testing.T) {
		for i := range names {
			db := dbtest.New(t, tables(1))
			if _, err := db.ExecContext(t.Context(), `INSERT INTO t0 VALUES ('x', 'x')`); err != nil {
				t.Fatal(err)
			}
			if err := db.QueryRowContext(t.Context(), `SELECT DATABASE()`).Scan(&names[i]); err != nil {
				t.Fatal(err)
			}
		}
		if names[0] == names[1] {
			t.Errorf("both databases are %s", names[0])
		}
	})
	t.Run("drops the databases when the test ends", func(t *testing.T) {
		var remaining int
		err := dbtest.New(t).QueryRowContext(t.Context(),
			`SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name IN (?, ?)`, names[0], names[1]).Scan(&remaining)
		if err != nil || remaining != 0 {
			t.Errorf("%d databases remain, error %v", remaining, err)
		}
	})
}

// fakeTest records the message of Fatal.
type fakeTest struct {
	testing.TB
	message string
}

func (f *fakeTest) Helper() {}
func (f *fakeTest) Fatal(args ...any) {
	f.message = fmt.Sprint(args...)
	panic(f)
}

func TestWithoutServer(t *testing.T) {
	t.Setenv("DATABASE_URL", "")
	f := &fakeTest{TB: t}
	func() {
		defer func() { _ = recover() }()
		dbtest.URL(f)
	}()
	for _, want := range []string{"make test", "bin/souk database -- go test"} {
		if !strings.Contains(f.message, want) {
			t.Errorf("the message %q does not contain %q", f.message, want)
		}
	}
}

// BenchmarkNew measures the set-up of a test with ten tables.
func BenchmarkNew(b *testing.B) {
	if os.Getenv("DATABASE_URL") == "" {
		b.Skip("no DATABASE_URL")
	}
	set := tables(10)
	for b.Loop() {
		dbtest.New(b, set)
	}
}

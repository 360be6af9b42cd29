package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"souk/shared/database"
)

// Rows gives columns their values where PlansOf fills tables: an SQL expression of
// n, 1 and up, by "table.column". The other columns have values that fit their
// types: different ones in a key, else a hundred or so.
type Rows map[string]string

// tapped is the wire that the databases of this test binary are reached by, if
// their statements are kept.
var tapped atomic.Pointer[wire]

// plans runs the tests of a package, and then judges the statements they ran.
type plans struct {
	tests interface{ Run() int }
	rows  Rows
	sets  []database.Migrations
}

// PlansOf returns what runs the tests of a package, for its TestMain, and then has
// the server explain each statement of the package's own code that they ran, on
// tables that are full: none may read a table whole. It also fails for a statement
// that no test ran, so none escapes: to write one and test it is all there is to do.
//
// It needs the tests to run alone on their databases, and does nothing more than
// run them when they are benchmarks, or are only listed.
func PlansOf(m *testing.M, rows Rows, sets ...database.Migrations) interface{ Run() int } {
	return &plans{tests: m, rows: rows, sets: sets}
}

// Run runs the tests, and then judges. It returns the exit code.
func (p *plans) Run() int {
	flag.Parse()
	if os.Getenv("DATABASE_URL") == "" || asked("test.bench") || asked("test.list") || asked("test.fuzz") {
		return p.tests.Run()
	}
	code, err := p.run()
	if err != nil {
		fmt.Fprintf(os.Stderr, "--- FAIL: the statements of this package\n%v\n", err)
		return max(code, 1)
	}
	return code
}

func asked(name string) bool {
	f := flag.Lookup(name)
	return f != nil && f.Value.String() != ""
}

func (p *plans) run() (code int, err error) {
	server, err := database.ParseURL(os.Getenv("DATABASE_URL"))
	if err != nil {
		return 1, err
	}
	tap, err := lay(context.Background(), server)
	if err != nil {
		return 1, err
	}
	tapped.Store(tap)
	code = p.tests.Run()
	tapped.Store(nil)
	tap.close()
	if code != 0 {
		return code, nil // The tests tell enough.
	}
	written, err := writtenIn(".")
	if err != nil {
		return 1, err
	}
	return code, p.judge(context.Background(), server.Clone(), written, tap.kept())
}

// judge fails for a written statement that was not run, unless only some of the
// tests were, and for each that reads a table whole.
func (p *plans) judge(ctx context.Context, server *config, written []fragment, ran []string) error {
	var faults []error
	ours := make([]bool, len(ran))
	lines := make([]string, len(ran))
	for i := range ran {
		lines[i] = oneLine(ran[i])
	}
	for _, f := range written {
		found := false
		for i, line := range lines {
			if f.in(line) {
				found = true
				ours[i] = ours[i] || f.names()
			}
		}
		if !found && !asked("test.run") && !asked("test.skip") {
			faults = append(faults, fmt.Errorf("%s: no test runs %q", f.place, strings.Join(f.parts, " ? ")))
		}
	}
	return errors.Join(append(faults, p.explain(ctx, server, pick(ran, ours)))...)
}

// pick returns the statements that are ours, and look for rows.
func pick(ran []string, ours []bool) (picked []string) {
	for i, statement := range ran {
		if verb := verbOf(statement); ours[i] && (verb == "SELECT" || verb == "UPDATE" || verb == "DELETE") {
			picked = append(picked, statement)
		}
	}
	return picked
}

// explain has the server explain statements.
func (p *plans) explain(ctx context.Context, server *config, statements []string) (err error) {
	server.DBName = "souk_test_plans_" + strings.ToLower(rand.Text()[:10])
	db, drop, err := openFilled(ctx, server, p.rows, p.sets)
	defer func() { err = errors.Join(err, drop()) }()
	if err != nil {
		return err
	}
	var faults []error
	for _, statement := range statements {
		steps, err := explain(ctx, db, statement)
		if err != nil {
			faults = append(faults, fmt.Errorf("explain %s: %w", excerpt(statement), err))
		}
		for _, step := range steps {
			if step.tooMuch(statement) {
				faults = append(faults, fmt.Errorf("%s is read by %s, some %d rows, by\n\t%s", step.table, step.kind, step.rows, excerpt(statement)))
			}
		}
	}
	return errors.Join(faults...)
}

func verbOf(statement string) string {
	for word := range strings.FieldsSeq(statement) {
		return word
	}
	return ""
}

// told is how much of a statement is told: enough to find it in the code.
const told = 400

func excerpt(statement string) string {
	line := oneLine(statement)
	return line[:min(len(line), told)]
}

// oneLine is a statement on one line.
func oneLine(statement string) string { return strings.Join(strings.Fields(statement), " ") }

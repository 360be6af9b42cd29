package dbtest

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"souk/shared/database"
)

// Rows defines the values of columns of filled tables: SQL expressions of n, the number of
// the row from 1, by "table.column". Other columns have values that fit their types:
// unique ones in a unique key, else about a hundred different ones.
type Rows map[string]string

// active records the statements of this test binary, nil if they are not recorded.
var active atomic.Pointer[recorder]

// planChecker runs the tests of a package and then checks the plans of their statements.
type planChecker struct {
	tests interface{ Run() int }
	rows  Rows
	sets  []database.Migrations
}

// NewPlanChecker returns a new runner for a TestMain. It runs the tests and then has the
// server explain each statement of the package's code that they executed, on filled tables:
// none may scan a table. It also fails for a statement that no test executes, so that every
// new statement is checked.
//
// The tests must use databases of this package. For benchmarks, fuzzing and lists of tests
// it only runs the tests.
func NewPlanChecker(m *testing.M, rows Rows, sets ...database.Migrations) interface{ Run() int } {
	return &planChecker{tests: m, rows: rows, sets: sets}
}

// Run runs the tests and then checks the statements. It returns the exit code.
func (p *planChecker) Run() int {
	flag.Parse()
	if os.Getenv("DATABASE_URL") == "" || flagSet("test.bench") || flagSet("test.list") || flagSet("test.fuzz") {
		return p.tests.Run()
	}
	code, err := p.run()
	if err != nil {
		fmt.Fprintf(os.Stderr, "--- FAIL: the statements of this package\n%v\n", err)
		return max(code, 1)
	}
	return code
}

func flagSet(name string) bool {
	f := flag.Lookup(name)
	return f != nil && f.Value.String() != ""
}

func (p *planChecker) run() (code int, err error) {
	server, err := database.ParseURL(os.Getenv("DATABASE_URL"))
	if err != nil {
		return 1, err
	}
	recorder, err := newRecorder(context.Background(), server)
	if err != nil {
		return 1, err
	}
	active.Store(recorder)
	code = p.tests.Run()
	active.Store(nil)
	recorder.close()
	if code != 0 {
		return code, nil // The tests report their own errors.
	}
	written, err := parseFolder(".")
	if err != nil {
		return 1, err
	}
	return code, p.check(context.Background(), server.Clone(), written, recorder.recorded())
}

// check returns an error for each statement in the code that was not executed, unless only
// some tests ran, and for each that scans a table.
func (p *planChecker) check(ctx context.Context, server *config, written []fragment, ran []string) error {
	var errs []error
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
				ours[i] = ours[i] || f.namesTable()
			}
		}
		if !found && !flagSet("test.run") && !flagSet("test.skip") {
			errs = append(errs, fmt.Errorf("%s: no test runs %q", f.place, strings.Join(f.parts, " ? ")))
		}
	}
	return errors.Join(append(errs, p.explain(ctx, server, pick(ran, ours)))...)
}

// pick returns the package's own statements that search for rows.
func pick(ran []string, ours []bool) (picked []string) {
	for i, statement := range ran {
		if ours[i] && slices.Contains([]string{"SELECT", "UPDATE", "DELETE"}, verb(statement)) {
			picked = append(picked, statement)
		}
	}
	return picked
}

// explain returns an error for each statement whose plan reads too much.
func (p *planChecker) explain(ctx context.Context, server *config, statements []string) (err error) {
	server.DBName = "souk_test_plans_" + strings.ToLower(rand.Text()[:10])
	db, drop, err := openFilled(ctx, server, p.rows, p.sets)
	defer func() { err = errors.Join(err, drop()) }()
	if err != nil {
		return err
	}
	var errs []error
	for _, statement := range statements {
		steps, err := explain(ctx, db, statement)
		if err != nil {
			errs = append(errs, fmt.Errorf("explain %s: %w", excerpt(statement), err))
		}
		for _, step := range steps {
			if step.readsTooMuch(statement) {
				errs = append(errs, fmt.Errorf("%s is read by %s, about %d rows, by\n\t%s", step.table, step.kind, step.rows, excerpt(statement)))
			}
		}
	}
	return errors.Join(errs...)
}

func verb(statement string) string {
	for word := range strings.FieldsSeq(statement) {
		return word
	}
	return ""
}

// maxExcerpt is how many bytes of a statement an error quotes: enough to find it in the
// code.
const maxExcerpt = 400

func excerpt(statement string) string {
	line := oneLine(statement)
	return line[:min(len(line), maxExcerpt)]
}

// oneLine returns a statement on one line.
func oneLine(statement string) string { return strings.Join(strings.Fields(statement), " ") }

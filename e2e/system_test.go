// Package e2e_test drives a running shop the way its users do: over HTTP,
// through the gateway, with real processes behind it.
//
// The tests build the programs and start systems themselves, on the server at
// DATABASE_URL. With SOUK_COMPOSE=1 they test one system of containers instead,
// which they start with Docker Compose and take down; and with SOUK_STATUS the
// system of which that file has what `souk status --json` printed.
package e2e_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/emulators/local"
	"souk/functions"
	"souk/shared/database"
	"souk/shared/function/functiontest"
	"souk/shared/testsample"
)

// patience bounds every wait for a condition. It is long because the longest ways
// are: a killed function leaves its event in the outbox, and the sweep publishes
// what is older than some seconds, once a minute; in containers a message becomes a
// dead letter after five deliveries, each of which the relay tries for 23 s.
const patience = 5 * time.Minute

// programs is where the binaries under test are; empty for a system that was
// started by someone else. containers is the system of containers under test.
var (
	programs   string
	containers *compose
)

func TestMain(m *testing.M) {
	flag.Parse()
	if !testsample.Long() && flag.Lookup("test.bench").Value.String() == "" {
		shortenCatalog()
	}
	// Two hundred customers come at once, and each keeps its connection.
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 256
	holdToContract()
	code, err := run(m)
	if broken.Load() && code == 0 {
		fmt.Fprintln(os.Stderr, "e2e: answers were not what openapi.yaml says: see above")
		code = 1
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// broken says that an answer was not what openapi.yaml says.
var broken atomic.Bool

// holdToContract has every answer that a test gets compared with openapi.yaml, but
// for benchmarks, whose time it would take.
func holdToContract() {
	if flag.Lookup("test.bench").Value.String() != "" {
		return
	}
	contract := functiontest.NewContract(functions.OpenAPI, functions.Events)
	http.DefaultTransport = contract.Transport(http.DefaultTransport, func(err error) {
		broken.Store(true)
		fmt.Fprintln(os.Stderr, "e2e:", err)
	})
}

func run(m *testing.M) (code int, err error) {
	if os.Getenv("SOUK_STATUS") != "" {
		return m.Run(), nil
	}
	if programs, err = os.MkdirTemp("", "souk-e2e-"); err != nil {
		return 1, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(programs)) }()
	if os.Getenv("SOUK_COMPOSE") != "" {
		if containers, err = startCompose(); err != nil {
			return 1, errors.Join(err, containers.remove())
		}
		defer func() { err = errors.Join(err, containers.remove()) }()
		return m.Run(), nil
	}
	for program, source := range map[string]string{
		"souk": "./cmd/souk", "product": "./functions/product/cmd", "order": "./functions/order/cmd", "user": "./functions/user/cmd",
	} {
		build := exec.Command("go", "build", "-o", filepath.Join(programs, program), source)
		build.Dir, build.Stderr = "..", os.Stderr
		if err := build.Run(); err != nil {
			return 1, fmt.Errorf("build %s: %w", source, err)
		}
	}
	return m.Run(), nil
}

// system is a running shop.
type system struct {
	local.Status
	platform // nil for a system that was started by someone else
	canaries canaries
}

// open returns the system that SOUK_STATUS names, or starts one for the test.
func open(t testing.TB) *system {
	t.Helper()
	if path := os.Getenv("SOUK_STATUS"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return &system{Status: mustParse(t, text)}
	}
	return start(t)
}

// mustBeOurs skips a test that does more to a system than to use it.
func (s *system) mustBeOurs(t *testing.T) {
	t.Helper()
	if s.platform == nil {
		t.Skip("this system is not ours: its processes are not to be killed, nor its logs read")
	}
}

// start starts a system of the test's own, with the given flags of souk up, and
// stops it when the test ends.
func start(t testing.TB, flags ...string) *system {
	t.Helper()
	if containers != nil {
		if len(flags) > 0 {
			t.Skipf("Google's emulator has no %s", strings.Join(flags, ", "))
		}
		c := &compose{project: containers.project, status: containers.status, since: time.Now()}
		s := &system{Status: c.status, platform: c}
		t.Cleanup(func() {
			s.mustNotSing(t)
			c.tellErrors(t)
		})
		return s
	}
	if programs == "" {
		t.Skip("SOUK_STATUS names one system; this test needs one of its own")
	}
	own := &processes{stateDir: t.TempDir(), databases: ownDatabases(t), flags: flags}
	s := &system{platform: own}
	t.Cleanup(func() {
		own.stop(t)
		s.mustNotSing(t)
	})
	s.Status = own.start(t)
	return s
}

// souk runs the command-line program on a system and returns what it printed.
func (s *system) souk(t testing.TB, args ...string) []byte {
	t.Helper()
	return mustSouk(t, s.platform, args...)
}

func mustSouk(t testing.TB, on platform, args ...string) []byte {
	t.Helper()
	command, cancel := on.command(args...)
	defer cancel()
	var said bytes.Buffer
	command.Stderr = &said
	printed, err := command.Output()
	if err != nil {
		t.Fatalf("souk %s: %v\n%s", strings.Join(args, " "), err, said.Bytes())
	}
	return printed
}

func mustParse(t testing.TB, text []byte) local.Status {
	t.Helper()
	var status local.Status
	if err := json.Unmarshal(text, &status); err != nil {
		t.Fatalf("read the status %s: %v", text, err)
	}
	return status
}

// ownDatabases returns the URL of the server, with a prefix for the names of the
// databases that a system makes there, and drops them when the test ends.
func ownDatabases(t testing.TB) string {
	t.Helper()
	server := os.Getenv("DATABASE_URL")
	if server == "" {
		t.Fatal("DATABASE_URL is not set: run `make test`, or `bin/souk database -- go test ./e2e`")
	}
	parsed, err := database.ParseURL(server)
	if err != nil {
		t.Fatal(err)
	}
	prefix := "e2e_" + strings.ReplaceAll(uuid.NewString()[:8], "-", "")
	connector, err := database.Connector(parsed)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() {
		for _, service := range []string{"product", "order", "user"} {
			name := prefix + "_" + service
			for _, statement := range []string{"DROP DATABASE IF EXISTS `" + name + "`", "DROP USER IF EXISTS `" + name + "`@`%`"} {
				if _, err := db.ExecContext(context.Background(), statement); err != nil {
					t.Errorf("%s: %v", statement, err)
				}
			}
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	parsed.DBName = prefix
	return string(database.FormatURL(parsed))
}

// eventually fails the test unless the condition holds before patience ends.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for pause := 5 * time.Millisecond; !condition(); pause = min(2*pause, 250*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s still not: %s", patience, what)
		}
		time.Sleep(pause)
	}
}

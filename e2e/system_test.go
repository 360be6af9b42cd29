// Package e2e_test drives a running shop the way its users do: over HTTP,
// through the gateway, with real processes behind it.
//
// The tests build the programs and start systems themselves, on the server at
// DATABASE_URL. With SOUK_COMPOSE=1 they test one system of containers instead, which they
// start and remove with Docker Compose. With SOUK_STATUS they test the running system whose
// output of `souk status --json` is in that file.
package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"souk/emulators/buildtest"
	"souk/emulators/local"
	"souk/functions"
	"souk/shared/dbtest"
	"souk/shared/function/functiontest"
	"souk/shared/testsample"
)

// conditionTimeout bounds every wait for a condition. It covers the slowest workflows: after
// a kill an event remains in the outbox until the sweep, which runs once a minute and
// publishes events that are some seconds old; in containers a message becomes a dead letter
// after five deliveries, each of which the relay retries for 23 s.
const conditionTimeout = 5 * time.Minute

// programs is the folder of the binaries under test; empty for a system that was started
// elsewhere. containers is the system of containers under test.
var (
	programs   string
	containers *compose
)

func TestMain(m *testing.M) {
	flag.Parse()
	if !testsample.Long() && flag.Lookup("test.bench").Value.String() == "" {
		shortenCatalog()
	}
	// TestFlashSale has two hundred simultaneous clients.
	http.DefaultTransport.(*http.Transport).MaxIdleConnsPerHost = 256
	checkContract()
	code, err := run(m)
	if contractBroken.Load() && code == 0 {
		fmt.Fprintln(os.Stderr, "e2e: responses do not match openapi.yaml: see above")
		code = 1
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// contractBroken reports whether a response did not match openapi.yaml.
var contractBroken atomic.Bool

// checkContract compares every response that a test receives with openapi.yaml. Benchmarks
// are excluded, since the comparison would slow them down.
func checkContract() {
	if flag.Lookup("test.bench").Value.String() != "" {
		return
	}
	contract := functiontest.NewContract(functions.OpenAPI, functions.Events)
	http.DefaultTransport = contract.Transport(http.DefaultTransport, func(err error) {
		contractBroken.Store(true)
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
	if err := buildtest.Programs(context.Background(), programs, buildtest.Shop()); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// system is a running shop.
type system struct {
	local.Status
	platform // nil for a system that was started elsewhere
	canaries canaries
}

// openSystem returns the system that SOUK_STATUS names, or starts one for the test.
func openSystem(t testing.TB) *system {
	t.Helper()
	if path := os.Getenv("SOUK_STATUS"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		return &system{Status: mustParseStatus(t, text)}
	}
	return startSystem(t)
}

// parallel runs a test beside others, if each starts its own system: they wait for events most
// of the time.
func parallel(t *testing.T) {
	t.Helper()
	if containers == nil && programs != "" {
		t.Parallel()
	}
}

// skipUnlessOwned skips a test that controls processes or reads logs, if the system was
// started elsewhere.
func (s *system) skipUnlessOwned(t *testing.T) {
	t.Helper()
	if s.platform == nil {
		t.Skip("this test needs access to the processes and logs of the system")
	}
}

// startSystem starts a system for the test with flags of souk up, and stops it at the end
// of the test.
func startSystem(t testing.TB, flags ...string) *system {
	t.Helper()
	return startSystemFor(t, site{}, flags...)
}

// startSystemFor is startSystem with the settings that the pages of a site need. The system of
// containers has the site of its own.
func startSystemFor(t testing.TB, pages site, flags ...string) *system {
	t.Helper()
	if containers != nil {
		c := &compose{project: containers.project, status: containers.status, pages: containers.pages, since: time.Now()}
		switch {
		case slices.Equal(flags, []string{paymentsOn}):
			c.requirePayments(t)
		case len(flags) > 0:
			t.Skipf("Google's emulator has no %s", strings.Join(flags, ", "))
		}
		s := &system{Status: c.status, platform: c}
		t.Cleanup(func() {
			s.requireNoSecretsInLogs(t)
			c.logErrors(t)
		})
		return s
	}
	if programs == "" {
		t.Skip("this test needs its own system, not the one of SOUK_STATUS")
	}
	own := &processes{stateDir: t.TempDir(), databases: string(dbtest.ReservePrefix(t)), flags: flags, environment: pages.environment()}
	s := &system{platform: own}
	t.Cleanup(func() {
		own.stop(t)
		s.requireNoSecretsInLogs(t)
	})
	s.Status = own.start(t)
	return s
}

// souk runs the command-line program on the system and returns its output.
func (s *system) souk(t testing.TB, args ...string) []byte {
	t.Helper()
	return mustSouk(t, s.platform, args...)
}

func mustSouk(t testing.TB, p platform, args ...string) []byte {
	t.Helper()
	command, cancel := p.command(args...)
	defer cancel()
	var stderr bytes.Buffer
	command.Stderr = &stderr
	printed, err := command.Output()
	if err != nil {
		t.Fatalf("souk %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return printed
}

func mustParseStatus(t testing.TB, text []byte) local.Status {
	t.Helper()
	var status local.Status
	if err := json.Unmarshal(text, &status); err != nil {
		t.Fatalf("read the status %s: %v", text, err)
	}
	return status
}

// eventually polls a condition and fails the test if it does not hold before the timeout.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(conditionTimeout)
	for pause := 5 * time.Millisecond; !condition(); pause = min(2*pause, 250*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("after %s it is still not true that %s", conditionTimeout, what)
		}
		time.Sleep(pause)
	}
}

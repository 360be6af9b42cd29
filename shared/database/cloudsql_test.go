package database_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"souk/shared/database"
	"souk/shared/dbtest"
)

// mustOpenInstance opens a database behind a fake Cloud SQL instance.
func mustOpenInstance(t *testing.T) (*database.DB, *fakeInstance) {
	t.Helper()
	url := dbtest.Create(t)
	admin := dbtest.Open(t, url, 1)
	login, as := mustCreateLogin(t, admin, url)
	if err := database.Grant(t.Context(), admin, mustQuery[string](t, admin, "SELECT DATABASE()"), login, database.Rights{}); err != nil {
		t.Fatal(err)
	}
	instance, settings, dial, options := mustStartInstance(t, as)
	db, err := database.OpenCloudSQL(settings, dial, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, instance
}

func TestCloudSQLReusesConnections(t *testing.T) {
	t.Parallel()
	db, instance := mustOpenInstance(t)
	for i := range 100 {
		if got := mustQuery[int](t, db, "SELECT ?", i); got != i {
			t.Fatalf("got %d, want %d", got, i)
		}
	}
	if n := instance.dials.Load(); n != 1 {
		t.Errorf("100 statements dialled %d times, want 1", n)
	}
}

// TestCloudSQLConnectionsThatEnded sends the first statement after a restart of the server:
// it must succeed, and the driver's message must be in the log.
func TestCloudSQLConnectionsThatEnded(t *testing.T) {
	var logs bytes.Buffer
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logs, nil)))
	t.Cleanup(func() { slog.SetDefault(before) })
	db, instance := mustOpenInstance(t)
	mustQuery[int](t, db, "SELECT 1")
	var idle net.Conn
	instance.mu.Lock()
	idle = instance.conns[0]
	instance.mu.Unlock()
	instance.closeConnections()
	requireEnded(t, idle)
	mustQuery[int](t, db, "SELECT 1")
	if n := instance.dials.Load(); n != 2 {
		t.Errorf("dialled %d times, want 2", n)
	}
	if !strings.Contains(logs.String(), "closing bad idle connection") {
		t.Errorf("the driver's message is not in the log: %s", logs.String())
	}
}

// requireEnded waits until the local side of a connection has been closed, when the kernel
// has sent FIN.
func requireEnded(t *testing.T, conn net.Conn) {
	t.Helper()
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Fatal("the connection is open")
	}
}

func TestStartingDialer(t *testing.T) {
	t.Parallel()
	lost := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	refused := func(context.Context) error {
		return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
	}
	unreachable := func(context.Context) error {
		return &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
	}
	connected := func(context.Context) error { return nil }
	for _, test := range []struct {
		name     string
		attempts []func(context.Context) error
		dials    int // until all attempts are used or a dial fails
		fails    bool
	}{
		{"a network that becomes available", []func(context.Context) error{lost, unreachable, lost, connected}, 1, false},
		{"a server that refuses", []func(context.Context) error{refused}, 1, true},
		{"a network that is lost later", []func(context.Context) error{connected, unreachable}, 2, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			used := 0
			dial := database.NewStartingDialer(func(ctx context.Context, _, _ string) (net.Conn, error) {
				attempt := test.attempts[used]
				used++
				if err := attempt(ctx); err != nil {
					return nil, err
				}
				conn, other := net.Pipe()
				return conn, other.Close()
			}, time.Millisecond)
			var err error
			for range test.dials {
				_, err = dial(t.Context(), "tcp", "10.0.0.3:3307")
			}
			if (err != nil) != test.fails || used != len(test.attempts) {
				t.Errorf("got %v after %d attempts, want %d", err, used, len(test.attempts))
			}
		})
	}
	t.Run("ends with the request", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancelCause(t.Context())
		attempts := 0
		dial := database.NewStartingDialer(func(context.Context, string, string) (net.Conn, error) {
			if attempts++; attempts == 3 {
				cancel(errors.New("the client disconnected"))
			}
			return nil, unreachable(ctx)
		}, time.Second)
		if _, err := dial(ctx, "tcp", "10.0.0.3:3307"); !errors.Is(err, syscall.ENETUNREACH) || attempts != 3 {
			t.Errorf("got %v after %d attempts", err, attempts)
		}
	})
}

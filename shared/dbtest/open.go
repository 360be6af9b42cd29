package dbtest

import (
	"database/sql"
	"sync/atomic"
	"testing"

	"souk/shared/database"
)

// Hook decides the fate of statements by a function that a test can replace at any time.
// The zero Hook passes all.
type Hook struct {
	decide atomic.Pointer[func(statement string) Fate]
}

// Set sets the function that decides the fate of each statement. nil passes all.
func (h *Hook) Set(decide func(statement string) Fate) {
	if decide == nil {
		h.decide.Store(nil)
		return
	}
	h.decide.Store(&decide)
}

// Decide returns the fate of a statement. It is for NewProxy.
func (h *Hook) Decide(statement string) Fate {
	if decide := h.decide.Load(); decide != nil {
		return (*decide)(statement)
	}
	return Pass
}

// Open opens a database that Create returned, with at most size connections. It is closed
// when the test ends.
func Open(t testing.TB, url database.URL, size int) *database.DB {
	t.Helper()
	db, err := database.Open(database.Config{URL: url, MaxOpenConns: size})
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the test's database: %v", err)
		}
	})
	return db
}

// SetAll runs a SET statement in every session of a pool of size connections, all of which
// must be idle.
func SetAll(t testing.TB, db *database.DB, size int, statement string) {
	t.Helper()
	var connections []*sql.Conn
	for range size {
		connection, err := db.SQL().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		connections = append(connections, connection)
		if _, err := connection.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, connection := range connections {
		if err := connection.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

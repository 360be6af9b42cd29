package idempotency_test

import (
	"database/sql"
	"net/http"
	"testing"
)

func TestBusy(t *testing.T) {
	t.Parallel()
	t.Run("a request whose key cannot be looked up in time may come again, and is as new then", func(t *testing.T) {
		t.Parallel()
		h := open(t, (*house).make)
		var taken []*sql.Conn
		for range h.db.SQL().Stats().MaxOpenConnections {
			connection, err := h.db.SQL().Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			taken = append(taken, connection)
		}
		s := newSend()
		busy := h.send(t, s)
		for _, connection := range taken {
			if err := connection.Close(); err != nil {
				t.Fatal(err)
			}
		}
		busy.MustBeProblem(t, http.StatusServiceUnavailable, "unavailable")
		if busy.Header.Get("Retry-After") == "" {
			t.Error("it does not say when to come again")
		}
		h.send(t, s).MustBe(t, http.StatusCreated)
		h.mustHaveEffects(t, 1)
	})
}

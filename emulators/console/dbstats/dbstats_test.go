package dbstats_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/emulators/console/dbstats"
	"souk/emulators/mysql"
	"souk/shared/database"
	"souk/shared/database/access"
	"souk/shared/dbtest"
	"souk/shared/event"
)

// mustOpen returns a reader of one database, of a service named order.
func mustOpen(t *testing.T) (*dbstats.Reader, database.URL) {
	t.Helper()
	url := dbtest.Create(t, event.Migrations)
	r, err := dbstats.Open(map[string]database.URL{"order": url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r, url
}

func mustRead(t *testing.T, r *dbstats.Reader) dbstats.Snapshot {
	t.Helper()
	s, err := r.Snapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func mustExec(t *testing.T, db *database.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	t.Run("server, connections and counters are read", func(t *testing.T) {
		t.Parallel()
		r, _ := mustOpen(t)
		before := mustRead(t, r)
		if before.Server.Kind == "" || strings.Contains(before.Server.Version, "MariaDB") || before.Server.Version == "" {
			t.Errorf("server %+v", before.Server)
		}
		c := before.Connections
		if c.Max < c.Peak || c.Peak < c.Open || c.Open < c.Running || c.Running == 0 {
			t.Errorf("connections %+v", c)
		}
		after := mustRead(t, r).Counters
		if after.Statements <= before.Counters.Statements || after.Selects <= before.Counters.Selects || after.PageReads == 0 {
			t.Errorf("counters %+v, before %+v", after, before.Counters)
		}
	})
	t.Run("pending events and the age of the oldest are read", func(t *testing.T) {
		t.Parallel()
		r, _ := mustOpen(t)
		if got := mustRead(t, r).Outboxes; len(got) != 1 || got[0] != (dbstats.Outbox{Service: "order"}) {
			t.Errorf("an empty outbox is %+v", got)
		}
		const insert = `INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, traceparent, created_at, published_at) VALUES (?, '', '', '', '', '', ?, ?)`
		now, db := time.Now().UTC(), r.Databases()["order"]
		for age, published := range map[time.Duration]any{time.Minute: nil, time.Second: nil, time.Hour: now} {
			id := uuid.New()
			mustExec(t, db, insert, id[:], now.Add(-age), published)
		}
		if got := mustRead(t, r).Outboxes[0]; got.Pending != 2 || got.OldestSeconds < 59 || got.OldestSeconds > 90 {
			t.Errorf("outbox %+v", got)
		}
	})
	t.Run("connections are counted by login, without the reader's own", func(t *testing.T) {
		t.Parallel()
		r, url := mustOpen(t)
		if got := mustRead(t, r).Connections.Logins; len(got) != 0 {
			t.Errorf("logins %+v", got)
		}
		db := mustLogIn(t, url)
		mustExec(t, db, `SELECT 1`)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan struct{})
		go func() {
			defer close(done)
			_, _ = db.ExecContext(ctx, `DO SLEEP(30)`)
		}()
		for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			got := mustRead(t, r).Connections.Logins
			if len(got) == 1 && got[0].Service == "order" && got[0].Name != "" && got[0].Open >= got[0].Running && got[0].Running == 1 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("logins %+v", got)
			}
		}
		cancel()
		<-done
	})
}

// mustLogIn returns the database of a url with a login of its own.
func mustLogIn(t *testing.T, url database.URL) *database.DB {
	t.Helper()
	parsed, err := database.ParseURL(string(url))
	if err != nil {
		t.Fatal(err)
	}
	login := "dbstats_" + strings.ToLower(uuid.NewString()[:8])
	own, err := mysql.Provision(t.Context(), url, mysql.Access{
		Database: parsed.DBName, User: login, Password: mysql.NewPassword(), Rights: access.Rights{},
	})
	if err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(database.Config{URL: own})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		dropUser(t, url, login)
	})
	return db
}

func dropUser(t *testing.T, url database.URL, login string) {
	t.Helper()
	admin, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ExecContext(context.Background(), "DROP USER '"+login+"'@'%'"); err != nil {
		t.Error(err)
	}
	if err := admin.Close(); err != nil {
		t.Error(err)
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	r, _ := mustOpen(t)
	tables, err := r.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]dbstats.Table{}
	for _, table := range tables {
		found[table.Name] = table
	}
	if table := found["outbox"]; table.Service != "order" || table.DataBytes == 0 || table.IndexBytes == 0 || len(found["inbox"].Name) == 0 {
		t.Errorf("tables %+v", tables)
	}
}

// TestStatements runs on every server. One with performance_schema returns statements, and
// all others none.
func TestStatements(t *testing.T) {
	t.Parallel()
	r, _ := mustOpen(t)
	s := mustRead(t, r)
	statements, err := r.Statements(t.Context(), 5)
	if err != nil || len(statements) > 5 || len(statements) > 0 && !s.Server.CountsStatements {
		t.Errorf("%d statements, %v; the server counts them: %v", len(statements), err, s.Server.CountsStatements)
	}
}

func TestUnreachableServerIsAnError(t *testing.T) {
	t.Parallel()
	r, err := dbstats.Open(map[string]database.URL{"order": "mysql://u:secret@127.0.0.1:1/souk_order"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	if _, err := r.Snapshot(t.Context()); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

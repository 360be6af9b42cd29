package audit_test

import (
	"bytes"
	"database/sql"
	"maps"
	"os/exec"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/cmd/souk/internal/audit"
	"souk/shared/database"
)

// TestRestoreToAPointInTime rehearses docs/restore.md on two local servers: a dump that is
// taken while customers order, and the binary logs up to a second, give the databases of
// that second on another server. The audit finds nothing in them, and they have exactly
// the rows that there were: none of later, none fewer.
//
// It sets DATABASE_URL, so it is not parallel.
func TestRestoreToAPointInTime(t *testing.T) {
	for _, name := range []string{"mariadbd", "mariadb", "mariadb-dump", "mariadb-binlog"} {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("NOT CHECKED: a restore to a point in time. This needs %s: apt-get install mariadb-server", name)
		}
	}
	damaged := mustStartServer(t, 1)
	t.Setenv("DATABASE_URL", string(damaged.url))
	s := open(t)
	tea, cup := s.mustCreate(t, "TEA", 1000), s.mustCreate(t, "CUP", 1000)
	s.mustOrder(t, 2, tea)

	dump := s.mustDumpWhileOrdering(t, damaged, tea, cup)
	for i := range 5 {
		id := s.mustOrder(t, 1+i, tea, cup)
		s.deliver(t)
		if i%2 == 0 {
			s.mustShip(t, id, "ship")
			s.deliver(t)
		}
	}
	want, at := s.mustPointInTime(t)

	// Afterwards the shop goes on, until its orders are gone.
	s.mustOrder(t, 3, tea)
	s.deliver(t)
	s.mustExec(t, "order", []statement{
		do(`SET foreign_key_checks = 0`), do(`DROP TABLE order_item`), do(`DELETE FROM orders`), in("product", `UPDATE product SET available = 0`),
	})

	began := time.Now()
	restored := mustStartServer(t, 2)
	restored.mustRun(t, bytes.NewReader(dump), "mariadb")
	restored.mustRun(t, bytes.NewReader(damaged.mustReadLogs(t, dump, at)), "mariadb", "--binary-mode")
	t.Logf("a dump of %d KiB and the logs up to %s were restored in %s", len(dump)>>10, at.Format(time.DateTime), time.Since(began).Round(time.Millisecond))

	back := *s
	back.databases = map[string]*sql.DB{}
	for service, db := range s.databases {
		back.databases[service] = restored.mustOpen(t, mustReadDatabaseName(t, db))
	}
	requireSameRows(t, back.mustCountRows(t), want)
	requireHealthy(t, back.mustAudit(t, atRest))
	if _, err := audit.Run(t.Context(), audit.Options{Databases: s.databases, Manifest: s.list, Now: time.Now(), Grace: audit.DefaultGrace}); err == nil {
		t.Error("the audit of the damaged databases reports no error")
	}
}

// mustDumpWhileOrdering takes the base backup, and has a customer order until it is there.
func (s *shop) mustDumpWhileOrdering(t *testing.T, from *logServer, products ...uuid.UUID) []byte {
	t.Helper()
	args := []string{"--single-transaction", "--master-data=2", "--databases"}
	for _, service := range slices.Sorted(maps.Keys(s.databases)) {
		args = append(args, mustReadDatabaseName(t, s.databases[service]))
	}
	dumped, orders := make(chan struct{}), 0
	var customer sync.WaitGroup
	customer.Go(func() {
		for {
			select {
			case <-dumped:
				return
			default:
				s.mustOrder(t, 1, products[orders%len(products)])
				orders++
			}
		}
	})
	dump := from.mustRun(t, nil, "mariadb-dump", args...)
	close(dumped)
	customer.Wait()
	s.deliver(t)
	t.Logf("%d orders were placed during the dump", orders)
	return dump
}

// mustPointInTime returns the rows of all tables, and a second of the server's clock at
// which there were these and no others.
func (s *shop) mustPointInTime(t *testing.T) (map[string]rows, time.Time) {
	t.Helper()
	clock := func() (now time.Time) {
		if err := s.databases["order"].QueryRowContext(t.Context(), `SELECT UTC_TIMESTAMP()`).Scan(&now); err != nil {
			t.Fatal(err)
		}
		return now
	}
	for {
		before, began := s.mustCountRows(t), clock()
		at := began
		for at.Equal(began) { // mariadb-binlog stops before the first change of this second
			at = clock()
		}
		if maps.Equal(before, s.mustCountRows(t)) {
			return before, at
		}
	}
}

// rows are how many a table has, and the sum of what is in them.
type rows struct{ count, checksum int64 }

// mustCountRows returns the rows of each "service.table".
func (s *shop) mustCountRows(t *testing.T) map[string]rows {
	t.Helper()
	counted := map[string]rows{}
	for service, db := range s.databases {
		tables, err := database.Collect(t.Context(), db, func(row database.Scanner) (name string, err error) {
			err = row.Scan(&name)
			return name, err
		}, `SHOW TABLES`)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range tables {
			var r rows
			var name string
			if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM `"+table+"`").Scan(&r.count); err != nil {
				t.Fatal(err)
			}
			if err := db.QueryRowContext(t.Context(), "CHECKSUM TABLE `"+table+"`").Scan(&name, &r.checksum); err != nil {
				t.Fatal(err)
			}
			counted[service+"."+table] = r
		}
	}
	return counted
}

func requireSameRows(t *testing.T, got, want map[string]rows) {
	t.Helper()
	for table := range want {
		if got[table] != want[table] {
			t.Errorf("%s has %+v after the restore, and had %+v", table, got[table], want[table])
		}
	}
	if len(got) != len(want) || want["order.orders"].count < 6 || want["order.order_item"].count < 11 {
		t.Errorf("%d tables are restored of %d, with %+v orders", len(got), len(want), want["order.orders"])
	}
}

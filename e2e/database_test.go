package e2e_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/database"
	"souk/shared/testsample"
)

// startPrivate starts a system with its own database server.
func startPrivate(t *testing.T) (*system, *processes) {
	t.Helper()
	if programs == "" || containers != nil {
		t.Skip("this test needs its own system and database server")
	}
	_, inPath := exec.LookPath("mariadbd")
	_, inSbin := os.Stat("/usr/sbin/mysqld")
	if inPath != nil && inSbin != nil {
		t.Skip("no server program on this machine")
	}
	own := &processes{stateDir: t.TempDir()}
	s := &system{platform: own}
	t.Cleanup(func() {
		own.stop(t)
		s.requireNoSecretsInLogs(t)
	})
	s.Status = own.start(t)
	return s, own
}

// databasePID returns the process id of the database server that a system started.
func (p *processes) databasePID(t *testing.T) int {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(p.stateDir, "mysql", "server.json"))
	if err != nil {
		t.Fatal(err)
	}
	var server struct{ PID int }
	if err := json.Unmarshal(text, &server); err != nil {
		t.Fatal(err)
	}
	return server.PID
}

// mustOpenAdmin opens the databases of a system as the server's administrator.
func (s *system) mustOpenAdmin(t *testing.T) *sql.DB {
	t.Helper()
	cfg, err := database.ParseURL(s.Database.DSN)
	if err != nil {
		t.Fatal(err)
	}
	connector, err := database.Connector(cfg)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(connector)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// placeUntil places orders of one product with eight concurrent clients until done is
// closed, and returns the acknowledged orders.
func (s *system) placeUntil(t *testing.T, done <-chan struct{}, customer string, p product.Product) []order.Order {
	t.Helper()
	var mu sync.Mutex
	var known []order.Order
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				response := s.place(t, customer, "", p.ID, 1)
				if response.Status >= 500 {
					continue
				}
				var o order.Order
				response.MustBe(t, http.StatusCreated).Into(t, &o)
				mu.Lock()
				known = append(known, o)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return known
}

// TestDatabaseKilled kills the database server while orders are placed, once or with -long
// several times. It must be restarted, the system must recover, and every acknowledged
// order must be in the database.
func TestDatabaseKilled(t *testing.T) {
	parallel(t)
	s, own := startPrivate(t)
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 100_000)
	db := s.mustOpenAdmin(t)
	rows := func(condition string, arguments ...any) (n int, err error) {
		err = db.QueryRowContext(t.Context(),
			"SELECT COUNT(*) FROM `"+s.Database.Names["order"]+"`.orders WHERE "+condition, arguments...).Scan(&n)
		return n, err
	}
	done, placed := make(chan struct{}), make(chan []order.Order, 1)
	go func() { placed <- s.placeUntil(t, done, customer, p) }()
	kills := 1
	if testsample.Long() {
		kills = 3
	}
	for range kills {
		before, err := rows("TRUE")
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "orders are placed", func() bool { n, err := rows("TRUE"); return err == nil && n >= before+20 })
		killed := own.databasePID(t)
		if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another server accepts statements", func() bool {
			_, err := rows("TRUE")
			return err == nil && own.databasePID(t) != killed
		})
	}
	before, err := rows("TRUE")
	eventually(t, "orders are placed after the last kill", func() bool {
		n, failed := rows("TRUE")
		return errors.Join(err, failed) == nil && n >= before+20
	})
	close(done)
	known := <-placed
	s.mustReconcile(t, admin, p)
	for chunk := range slices.Chunk(known, 100) {
		ids := make([]any, len(chunk))
		for i, o := range chunk {
			ids[i] = o.ID[:]
		}
		n, err := rows("status = 'confirmed' AND id IN (?"+strings.Repeat(",?", len(ids)-1)+")", ids...)
		if err != nil || n != len(ids) {
			t.Errorf("%[2]d of %[1]d acknowledged orders are confirmed in the database (%[3]v)", len(ids), n, err)
		}
	}
	eventually(t, "the audit finds nothing", func() bool { return s.audit(t, "--grace", "0s").OK })
	t.Logf("%d orders were acknowledged", len(known))
}

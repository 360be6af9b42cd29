package functions_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/uuid"

	servers "souk/emulators/mysql"
	"souk/functions"
	"souk/functions/product"
	"souk/shared/database"
	"souk/shared/database/migration"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// replicated is the product service on a server with a replica. The name of its only
// product differs between the servers, so that a test can see which one served a read.
type replicated struct {
	url              string
	product          uuid.UUID
	primary, replica *database.DB // opened as an administrator
	replicaServer    *servers.Server
	clock            atomic.Int64 // offset from the system clock
	searches         atomic.Int64
}

const (
	atPrimary = "Read at the primary"
	atReplica = "Read at the replica"

	markReplica = "UPDATE souk_product.product SET name = ?, category = 'coffee'"
)

func mustReplicate(t *testing.T) *replicated {
	t.Helper()
	r := &replicated{product: uuid.Must(uuid.NewV7())}
	primary := mustStartServer(t, servers.Options{StateDir: t.TempDir(), ServerID: 1, Throwaway: true, NoInstall: true})
	r.replicaServer = mustStartServer(t, servers.Options{StateDir: t.TempDir(), ServerID: 2, Throwaway: true, NoInstall: true})
	if primary.Kind != "MariaDB" {
		t.Skip("NOT TESTED: replication is set up with MariaDB's statements")
	}
	access := servers.Access{Database: "souk_product", User: "souk_product", Password: servers.NewPassword()}
	r.primary, r.replica = mustOpenAs(t, primary, ""), mustOpenAs(t, r.replicaServer, "")
	mustFollow(t, r.primary, r.replica, primary)
	if _, err := servers.CreateDatabase(t.Context(), primary.AdminURL(), access.Database); err != nil {
		t.Fatal(err)
	}
	r.primary = mustOpenAs(t, primary, access.Database)
	if err := migration.Apply(t.Context(), r.primary.SQL(), append(function.Migrations(), product.Migrations)...); err != nil {
		t.Fatal(err)
	}
	at, err := servers.Provision(t.Context(), primary.AdminURL(), access) // grants rights on the tables
	if err != nil {
		t.Fatal(err)
	}
	mustExec(t, r.primary, `
		INSERT INTO product (id, sku, name, description, category, price_amount, price_currency, available, status, version, created_at, updated_at, images, attributes)
		VALUES (?, 'SKU', ?, '', 'tea', 1, 'EUR', 1, 'active', 1, UTC_TIMESTAMP(6), UTC_TIMESTAMP(6), '[]', '{}')`, r.product[:], atPrimary)
	mustWaitUntil(t, "the replica has the product", func() bool {
		var n int
		return r.replica.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM souk_product.product").Scan(&n) == nil && n == 1
	})
	r.replica = mustOpenAs(t, r.replicaServer, access.Database)
	mustExec(t, r.replica, markReplica, atReplica)
	r.serve(t, at)
	return r
}

// serve serves the product service with the clock of the test.
func (r *replicated) serve(t *testing.T, at database.URL) {
	t.Helper()
	as, err := database.ParseURL(string(at))
	if err != nil {
		t.Fatal(err)
	}
	as.Addr = mustConfig(t, r.replicaServer.AdminURL()).Addr
	primary := dbtest.Open(t, at, 4)
	replica, err := database.OpenReplica(database.Config{ReplicaURL: database.FormatURL(as), MaxOpenConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = replica.Close() })
	tokens := functiontest.NewTokens(t)
	runtime := function.NewRuntime(function.Options{
		Manifest: functions.Manifest(), Service: "product", DB: primary, Publisher: &functiontest.Recorder{}, Environment: environment(t),
		ReplicaReader: database.NewReplicaReader(primary, replica, func() time.Time { return time.Now().Add(time.Duration(r.clock.Load())) }),
		UserAuth:      tokens.UserAuth, PushAuth: tokens.PushAuth,
	})
	handler, err := function.NewHandler(runtime, product.Functions)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	r.url = server.URL
}

// mustRead calls every public read of the service, and requires that each succeeds.
func (r *replicated) mustRead(t *testing.T, name string) {
	t.Helper()
	for _, f := range functions.Manifest().FunctionsOf("product") {
		if f.Access != manifest.Anyone || f.Method() != http.MethodGet {
			continue
		}
		path := strings.ReplaceAll(f.Path(), "{id}", r.product.String())
		if f.Name == "product-facets" { // an instance stores the counts of a search for some seconds
			path += fmt.Sprintf("?maxPrice=%d", 1000+r.searches.Add(1))
		}
		response := functiontest.Do(t, r.url, functiontest.Request{Method: http.MethodGet, Path: path})
		response.MustBe(t, http.StatusOK)
		want := map[string]string{atPrimary: "tea", atReplica: "coffee"}[name]
		if body := string(response.Body); name != "" && !strings.Contains(body, name) && !strings.Contains(body, want) {
			t.Errorf("%s: want a response %q: %s", f.Name, name, body)
		}
	}
}

// pass advances the clock, so that the next read checks the replica.
func (r *replicated) pass() { r.clock.Add(int64(time.Minute)) }

func mustStartServer(t *testing.T, o servers.Options) *servers.Server {
	t.Helper()
	server, err := servers.Start(t.Context(), o)
	if err != nil {
		t.Skipf("NOT TESTED: no server program on this machine: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), processTimeout)
		defer cancel()
		if err := server.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return server
}

func mustConfig(t *testing.T, url database.URL) *mysql.Config {
	t.Helper()
	cfg, err := database.ParseURL(string(url))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func mustOpenAs(t *testing.T, server *servers.Server, name string) *database.DB {
	t.Helper()
	if name == "" {
		name = "mysql"
	}
	url, err := servers.DatabaseURL(server.AdminURL(), name)
	if err != nil {
		t.Fatal(err)
	}
	return dbtest.Open(t, url, 2)
}

func mustExec(t *testing.T, db *database.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// mustFollow starts replication from the primary's current position.
func mustFollow(t *testing.T, primary, replica *database.DB, server *servers.Server) {
	t.Helper()
	password := servers.NewPassword()
	mustExec(t, primary, "CREATE USER 'replication'@'%' IDENTIFIED BY '"+password+"'")
	mustExec(t, primary, "GRANT REPLICATION SLAVE ON *.* TO 'replication'@'%'")
	var file, position, others string
	if err := primary.QueryRowContext(t.Context(), "SHOW MASTER STATUS").Scan(&file, &position, &others, &others); err != nil {
		t.Fatal(err)
	}
	host, port, _ := strings.Cut(mustConfig(t, server.AdminURL()).Addr, ":")
	mustExec(t, replica, "CHANGE MASTER TO MASTER_HOST='"+host+"', MASTER_PORT="+port+", MASTER_USER='replication', MASTER_PASSWORD='"+password+
		"', MASTER_LOG_FILE='"+file+"', MASTER_LOG_POS="+position+", MASTER_CONNECT_RETRY=1")
	mustExec(t, replica, "START SLAVE")
}

// TestReplica reads from a replica that is current, falls behind, catches up, and is
// killed under load. No read may fail.
func TestReplica(t *testing.T) {
	t.Parallel()
	r := mustReplicate(t)
	r.mustRead(t, atPrimary) // the state of the replica is unknown
	r.mustCatchUp(t)
	r.mustRead(t, atReplica)

	mustExec(t, r.replica, "STOP SLAVE")
	mustExec(t, r.replica, beatenAgo, 12)
	mustExec(t, r.primary, beatenAgo, 6)
	r.pass()
	r.mustRead(t, atPrimary)
	r.mustRead(t, atPrimary)
	mustExec(t, r.replica, "START SLAVE")
	r.mustCatchUp(t)
	r.mustRead(t, atReplica)

	r.killUnderLoad(t)
	r.mustRead(t, atPrimary)
	r.pass()
	r.mustRead(t, atPrimary) // checked, and still missing
}

// beatenAgo moves the heartbeat into the past, instead of a sleep.
const beatenAgo = "UPDATE replica_heartbeat SET beaten_at = UTC_TIMESTAMP(6) - INTERVAL ? SECOND, previous_at = '2000-01-01'"

// mustCatchUp writes a recent heartbeat and waits until the replica has it.
func (r *replicated) mustCatchUp(t *testing.T) {
	t.Helper()
	mustExec(t, r.primary, beatenAgo, 6)
	mustWaitUntil(t, "the replica has the primary's heartbeat", func() bool {
		var written, received time.Time
		const query = "SELECT beaten_at FROM replica_heartbeat"
		return r.primary.QueryRowContext(t.Context(), query).Scan(&written) == nil &&
			r.replica.QueryRowContext(t.Context(), query).Scan(&received) == nil && received.Equal(written)
	})
	r.pass()
}

// killUnderLoad kills the replica while clients read.
func (r *replicated) killUnderLoad(t *testing.T) {
	t.Helper()
	var readers sync.WaitGroup
	var reads atomic.Int64
	done := make(chan struct{})
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					response := functiontest.Do(t, r.url, functiontest.Request{Method: http.MethodGet, Path: "/v1/products"})
					if response.Status != http.StatusOK {
						t.Errorf("a read failed with %d: %s", response.Status, response.Body)
					}
					reads.Add(1)
				}
			}
		})
	}
	mustWaitUntil(t, "clients read", func() bool { return reads.Load() > 20 })
	now, cancel := context.WithCancel(t.Context())
	cancel() // an expired context kills the server
	if err := r.replicaServer.Stop(now); err != nil {
		t.Error(err)
	}
	before := reads.Load()
	mustWaitUntil(t, "clients read without the replica", func() bool { return reads.Load() > before+100 })
	close(done)
	readers.Wait()
}

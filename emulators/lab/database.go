package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"time"

	"souk/emulators/mysql"
	"souk/shared/database"
)

var databases = Experiment{
	Name:  "database",
	Title: "Database scaling and persistence",
	Hypothesis: `More connections raise the throughput of one writer until it saturates; then they raise latency only. ` +
		`Orders of one product queue for its row, with any number of connections. max instances × pool must fit in max_connections. ` +
		`A replica takes reads from the writer and shows them a moment late. A killed server loses no commit, ` +
		`and the binary log brings back deleted rows.`,
	Settings: []Setting{
		{"the connections that functions may open: max_instances × pool", "terraform/cloud_sql.tf", "connections = { for key, run in local.database_runs"},
		{"a plan is refused if they do not fit in max_connections", "terraform/cloud_sql.tf", "condition     = local.connections_needed[each.key] <="},
		{"max_connections of the tier", "terraform/profile.tf", "max_connections = coalesce("},
		{"the read replica", "terraform/cloud_sql.tf", `resource "google_sql_database_instance" "replica"`},
		{"the alert on a replica that is behind", "terraform/alerting.tf", "replica-lag = {"},
		{"a second machine in another zone", "terraform/cloud_sql.tf", `? "REGIONAL" : "ZONAL"`},
		{"the binary log, for recovery to a point in time", "terraform/cloud_sql.tf", "binary_log_enabled             = true"},
	},
	run: runDatabase,
}

const (
	databaseName = "souk_lab"
	// poolOfInstance is the number of connections of one instance of a function: pool in
	// functions.yaml.
	poolOfInstance = 2
	// labProducts is the number of products that orders are spread over.
	labProducts = 1000
	labStock    = 1_000_000
)

// dbServer is a database server of the experiment.
type dbServer struct {
	*mysql.Server

	dir string
	// db is the lab's database, opened as an administrator.
	db *sql.DB
}

// startServer starts a server, or uses the one that is given.
func (e *Env) startServer(ctx context.Context, id int) (*dbServer, error) {
	dir, err := os.MkdirTemp("", "souk-lab-")
	if err != nil {
		return nil, fmt.Errorf("create a folder for a server: %w", err)
	}
	s := &dbServer{dir: dir}
	options := mysql.Options{StateDir: dir, ServerID: id, Supervise: true, URL: e.DatabaseURL}
	if s.Server, err = mysql.Start(ctx, options); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if s.db, err = s.open(mysqlSchema, 4); err != nil {
		return nil, errors.Join(err, s.close(ctx))
	}
	return s, nil
}

// mysqlSchema is a database that every server has.
const mysqlSchema = "mysql"

// open opens a database with a pool.
func (s *dbServer) open(name string, connections int) (*sql.DB, error) {
	url, err := mysql.DatabaseURL(s.AdminURL(), name)
	if err != nil {
		return nil, err
	}
	db, err := database.Open(database.Config{URL: url, MaxOpenConns: connections})
	if err != nil {
		return nil, err
	}
	return db.SQL(), nil
}

func (s *dbServer) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	var errs []error
	if s.db != nil {
		errs = append(errs, s.db.Close())
	}
	return errors.Join(append(errs, s.Stop(ctx), os.RemoveAll(s.dir))...)
}

// execute runs statements one after the other.
func execute(ctx context.Context, db *sql.DB, statements ...string) error {
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%.60s: %w", statement, err)
		}
	}
	return nil
}

// createTables creates the lab's database and its tables.
func (s *dbServer) createTables(ctx context.Context) (err error) {
	if err := execute(ctx, s.db, "DROP DATABASE IF EXISTS "+databaseName, "CREATE DATABASE "+databaseName); err != nil {
		return err
	}
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("change the database: %w", err)
	}
	if s.db, err = s.open(databaseName, 4); err != nil {
		return err
	}
	return execute(ctx, s.db,
		"CREATE TABLE product (id INT PRIMARY KEY, available BIGINT NOT NULL)",
		"CREATE TABLE orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, product INT NOT NULL, placed_at DATETIME(6) NOT NULL)",
		"CREATE TABLE event (id BIGINT AUTO_INCREMENT PRIMARY KEY, payload VARCHAR(200) NOT NULL)",
		fmt.Sprintf("INSERT INTO product (id, available) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) SELECT i, %d FROM n",
			labProducts, labStock),
	)
}

func runDatabase(ctx context.Context, e *Env, r *Report) (err error) {
	primary, err := e.startServer(ctx, 1)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, primary.close(ctx)) }()
	e.progress("%s %s runs in %s", primary.Kind, primary.Version, primary.dir)
	if err := primary.createTables(ctx); err != nil {
		return err
	}
	if primary.Private {
		// Commits reach the disk, as in the cloud.
		if err := execute(ctx, primary.db, "SET GLOBAL innodb_flush_log_at_trx_commit = 1", "SET GLOBAL sync_binlog = 1"); err != nil {
			return err
		}
	}
	x := &databaseRun{Env: e, report: r, primary: primary}
	if err := x.saturate(ctx); err != nil {
		return fmt.Errorf("throughput: %w", err)
	}
	if !primary.Private {
		r.Skipped = append(r.Skipped, "max_connections, replica, kill and point-in-time recovery: the server is given by DATABASE_URL, and they would disturb it")
		return execute(ctx, primary.db, "DROP DATABASE "+databaseName)
	}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{{"max_connections", x.limit}, {"replica", x.replicate}, {"kill", x.kill}, {"point-in-time recovery", x.recover}} {
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

// databaseRun is one run of the experiment.
type databaseRun struct {
	*Env

	report  *Report
	primary *dbServer
}

// pickDuration returns how long each point is measured.
func (x *databaseRun) pickDuration() time.Duration {
	return pick(x.Env, 2*time.Second, 300*time.Millisecond)
}

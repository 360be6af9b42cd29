// Package dbstats reads what the console shows of the databases of a system: connections,
// counters, statements, outboxes and tables. It changes nothing, and connects with the
// first read only.
package dbstats

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"souk/shared/database"
)

const (
	// timeout bounds a statement: a page must not wait for a server that is overloaded.
	timeout = 5 * time.Second
	// idleTime is after how long the connections of a page that was closed are closed.
	idleTime = 20 * time.Second
	// connections is the most that a reader opens for a service.
	connections = 2
)

// Reader reads the state of the databases. Callers must close it.
type Reader struct {
	databases map[string]*database.DB
	schemas   map[string]string // names of databases, by service
}

// Open returns a reader of databases by service. Their login needs the privileges PROCESS
// and SELECT; with less, a reader sees less.
func Open(urls map[string]database.URL) (*Reader, error) {
	r := &Reader{databases: map[string]*database.DB{}, schemas: map[string]string{}}
	for service, url := range urls {
		parsed, err := database.ParseURL(string(url))
		if err == nil {
			r.schemas[service] = parsed.DBName
			r.databases[service], err = database.Open(database.Config{
				URL: url, MaxOpenConns: connections, ConnMaxIdleTime: idleTime, StatementTimeout: timeout,
			})
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the database of service %s: %w", service, err), r.Close())
		}
	}
	return r, nil
}

// Databases returns the open databases by service.
func (r *Reader) Databases() map[string]*database.DB { return r.databases }

// Services returns the names of the services, sorted.
func (r *Reader) Services() []string { return slices.Sorted(maps.Keys(r.databases)) }

// Close closes all connections.
func (r *Reader) Close() error {
	var errs []error
	for _, db := range r.databases {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// any returns the database of one service: all are on one server.
func (r *Reader) any() (*database.DB, error) {
	for _, service := range r.Services() {
		return r.databases[service], nil
	}
	return nil, errors.New("no database is configured")
}

// Snapshot is the state of the databases at one moment.
type Snapshot struct {
	At          time.Time   `json:"at"`
	Server      Server      `json:"server"`
	Connections Connections `json:"connections"`
	Counters    Counters    `json:"counters"`
	Outboxes    []Outbox    `json:"outboxes"`
}

// Server is the server of all databases.
type Server struct {
	Kind    string        `json:"kind"` // MySQL or MariaDB
	Version string        `json:"version"`
	Uptime  time.Duration `json:"-"`
	// CountsStatements reports whether performance_schema is on.
	CountsStatements bool `json:"countsStatements"`
}

// Connections are the connections to the server.
type Connections struct {
	// Open are all, Running those with a statement, Peak the most since the server started
	// and Max the server's limit.
	Open    int `json:"open"`
	Running int `json:"running"`
	Peak    int `json:"peak"`
	Max     int `json:"max"`
	// Logins are those of the services' databases, by login.
	Logins []Login `json:"logins"`
}

// Login is a database user with its connections.
type Login struct {
	Name    string `json:"name"`
	Service string `json:"service"`
	Open    int    `json:"open"`
	Running int    `json:"running"`
	// LongestSeconds is the time of the statement that has run longest.
	LongestSeconds int `json:"longestSeconds"`
}

// Counters count since the server started.
type Counters struct {
	Statements  int64 `json:"statements"`
	Selects     int64 `json:"selects"`
	Writes      int64 `json:"writes"` // INSERT, UPDATE, DELETE and REPLACE
	Commits     int64 `json:"commits"`
	Rollbacks   int64 `json:"rollbacks"`
	LockWaits   int64 `json:"lockWaits"`
	LockMillis  int64 `json:"lockMillis"`
	Deadlocks   int64 `json:"deadlocks"` // MariaDB only
	SlowQueries int64 `json:"slowQueries"`
	// LogFsyncs are the writes of the redo log to the disk.
	LogFsyncs int64 `json:"logFsyncs"`
	// PageReads are requests for pages, PageMisses those that went to the disk.
	PageReads  int64 `json:"pageReads"`
	PageMisses int64 `json:"pageMisses"`
}

// Outbox is the outbox of a service.
type Outbox struct {
	Service string `json:"service"`
	// Pending is the number of events that are not published, at most pendingLimit.
	Pending int `json:"pending"`
	// OldestSeconds is the age of the oldest of them.
	OldestSeconds float64 `json:"oldestSeconds"`
}

// pendingLimit bounds the rows that counting pending events reads.
const pendingLimit = 100_000

// Snapshot reads the current state with a few short statements.
func (r *Reader) Snapshot(ctx context.Context) (Snapshot, error) {
	s := Snapshot{At: time.Now(), Outboxes: make([]Outbox, len(r.databases))}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return r.readServer(ctx, &s) })
	for i, service := range r.Services() {
		group.Go(func() (err error) {
			s.Outboxes[i], err = r.readOutbox(ctx, service)
			return err
		})
	}
	return s, group.Wait()
}

func (r *Reader) readServer(ctx context.Context, s *Snapshot) error {
	db, err := r.any()
	if err != nil {
		return err
	}
	var comment string
	err = db.QueryRowContext(ctx, `SELECT @@version, @@version_comment, @@max_connections, @@performance_schema`).
		Scan(&s.Server.Version, &comment, &s.Connections.Max, &s.Server.CountsStatements)
	if err != nil {
		return fmt.Errorf("read the server's version: %w", err)
	}
	s.Server.Kind = "MySQL"
	if strings.Contains(s.Server.Version+comment, "MariaDB") {
		s.Server.Kind = "MariaDB"
		s.Server.Version, _, _ = strings.Cut(s.Server.Version, "-MariaDB")
	}
	if err := r.readStatus(ctx, db, s); err != nil {
		return fmt.Errorf("read the server's status: %w", err)
	}
	if s.Connections.Logins, err = r.readLogins(ctx, db); err != nil {
		return fmt.Errorf("read the connections: %w", err)
	}
	return nil
}

// readStatus reads the status variables of the server.
func (r *Reader) readStatus(ctx context.Context, db *database.DB, s *Snapshot) error {
	var seconds int64
	var open, running, peak int64
	c := &s.Counters
	variables := map[string][]*int64{
		"Uptime": {&seconds}, "Threads_connected": {&open}, "Threads_running": {&running}, "Max_used_connections": {&peak},
		"Questions": {&c.Statements}, "Com_select": {&c.Selects}, "Com_insert": {&c.Writes}, "Com_update": {&c.Writes},
		"Com_delete": {&c.Writes}, "Com_replace": {&c.Writes}, "Com_update_multi": {&c.Writes}, "Com_delete_multi": {&c.Writes},
		"Com_commit": {&c.Commits}, "Com_rollback": {&c.Rollbacks}, "Innodb_row_lock_waits": {&c.LockWaits},
		"Innodb_row_lock_time": {&c.LockMillis}, "Innodb_deadlocks": {&c.Deadlocks}, "Slow_queries": {&c.SlowQueries},
		"Innodb_os_log_fsyncs": {&c.LogFsyncs}, "Innodb_buffer_pool_read_requests": {&c.PageReads}, "Innodb_buffer_pool_reads": {&c.PageMisses},
	}
	err := database.Each(ctx, db, func(row database.Scanner) error {
		var name string
		var value int64
		if err := row.Scan(&name, &value); err != nil {
			return err
		}
		for _, target := range variables[name] {
			*target += value
		}
		return nil
	}, `SHOW GLOBAL STATUS WHERE Variable_name IN (`+database.Placeholders(len(variables))+`)`, database.Args(slices.Collect(maps.Keys(variables)))...)
	s.Server.Uptime = time.Duration(seconds) * time.Second
	s.Connections.Open, s.Connections.Running, s.Connections.Peak = int(open), int(running), int(peak)
	return err
}

// readLogins counts the connections to the services' databases by login. Those of the
// reader itself are not among them.
func (r *Reader) readLogins(ctx context.Context, db *database.DB) ([]Login, error) {
	services := map[string]string{}
	for service, schema := range r.schemas {
		services[schema] = service
	}
	schemas := slices.Sorted(maps.Keys(services))
	return database.Collect(ctx, db, func(row database.Scanner) (l Login, err error) {
		var schema string
		err = row.Scan(&l.Name, &schema, &l.Open, &l.Running, &l.LongestSeconds)
		l.Service = services[schema]
		return l, err
	}, `
		SELECT user, db, COUNT(*), SUM(command <> 'Sleep'), CAST(MAX(IF(command <> 'Sleep', time, 0)) AS SIGNED)
		FROM information_schema.processlist
		WHERE db IN (`+database.Placeholders(len(schemas))+`) AND user <> SUBSTRING_INDEX(CURRENT_USER(), '@', 1)
		GROUP BY user, db
		ORDER BY db, user`, database.Args(schemas)...)
}

func (r *Reader) readOutbox(ctx context.Context, service string) (Outbox, error) {
	o := Outbox{Service: service}
	err := r.databases[service].QueryRowContext(ctx, `
		SELECT COUNT(*), COALESCE(TIMESTAMPDIFF(MICROSECOND, MIN(created_at), UTC_TIMESTAMP(6)), 0) / 1000000
		FROM (SELECT created_at FROM outbox WHERE published_at IS NULL ORDER BY created_at LIMIT ?) pending`, pendingLimit).
		Scan(&o.Pending, &o.OldestSeconds)
	if err != nil {
		return o, fmt.Errorf("read the outbox of service %s: %w", service, err)
	}
	o.OldestSeconds = max(o.OldestSeconds, 0)
	return o, nil
}

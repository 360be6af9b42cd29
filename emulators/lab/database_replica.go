package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"souk/emulators/lab/chart"
	"souk/emulators/mysql"
	"souk/shared/database"
)

// position is a place in a server's binary log.
type position struct {
	file string
	at   int64
}

// binlogPosition returns the end of a server's binary log.
func binlogPosition(ctx context.Context, db *sql.DB) (p position, err error) {
	var others string
	if err := db.QueryRowContext(ctx, "SHOW MASTER STATUS").Scan(&p.file, &p.at, &others, &others); err != nil {
		return p, fmt.Errorf("read the position in the binary log: %w", err)
	}
	return p, nil
}

// canReplicate reports whether the statements below are those of the server.
func (x *databaseRun) canReplicate(part string) bool {
	if x.primary.Kind == "MariaDB" {
		return true
	}
	x.report.Skipped = append(x.report.Skipped, part+": it is set up with MariaDB's statements, and this server is "+x.primary.Kind)
	return false
}

// follow starts a server that replicates the primary from the beginning of its binary log: the
// log has all that ever happened to this server. Until is a position to stop at, if it is set.
func (x *databaseRun) follow(ctx context.Context, id int, until position) (replica *dbServer, err error) {
	if replica, err = x.startServer(ctx, id); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, replica.close(ctx))
		}
	}()
	cfg, err := database.ParseURL(string(x.primary.AdminURL()))
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(cfg.Addr)
	if err != nil {
		return nil, fmt.Errorf("the address of the primary: %w", err)
	}
	user, password := fmt.Sprintf("replica%d", id), mysql.NewPassword()
	var first string
	var size int64
	if err := x.primary.db.QueryRowContext(ctx, "SHOW BINARY LOGS").Scan(&first, &size); err != nil {
		return nil, fmt.Errorf("list the binary logs: %w", err)
	}
	err = execute(ctx, x.primary.db, "CREATE USER '"+user+"'@'%' IDENTIFIED BY '"+password+"'", "GRANT REPLICATION SLAVE ON *.* TO '"+user+"'@'%'")
	if err != nil {
		return nil, err
	}
	// The accounts and system tables of the replica are its own.
	start := "START SLAVE"
	if until.file != "" {
		start += fmt.Sprintf(" UNTIL MASTER_LOG_FILE='%s', MASTER_LOG_POS=%d", until.file, until.at)
	}
	return replica, execute(ctx, replica.db,
		"SET GLOBAL replicate_do_db = '"+databaseName+"'",
		fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USER='%s', MASTER_PASSWORD='%s', MASTER_LOG_FILE='%s', MASTER_LOG_POS=4, MASTER_CONNECT_RETRY=1",
			host, port, user, password, first),
		start)
}

// count returns the number of orders that a server has, -1 while it has no such table.
func count(ctx context.Context, s *dbServer) (orders int64) {
	if err := s.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+databaseName+".orders").Scan(&orders); err != nil {
		return -1
	}
	return orders
}

// replicate starts a replica, measures how far it is behind a writer, and reads from it.
func (x *databaseRun) replicate(ctx context.Context) (err error) {
	if !x.canReplicate("replica") {
		return nil
	}
	x.progress("a second server replicates the first")
	replica, err := x.follow(ctx, 2, position{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, replica.close(ctx)) }()
	err = until(ctx, time.Minute, "the replica has all orders", func() (bool, error) { return count(ctx, replica) == count(ctx, x.primary), nil })
	if err != nil {
		return err
	}
	before, err := x.selects(ctx)
	if err != nil {
		return err
	}
	reads, stale, lags, written, err := x.measureLag(ctx, replica)
	if err != nil {
		return err
	}
	after, err := x.selects(ctx)
	if err != nil {
		return err
	}
	table := Table{Title: "Reads moved to a replica, during writes", Columns: []string{"orders/s written", "reads/s at the replica", "reads at the primary", "lag p50 ms", "lag p99 ms", "own write missing"}}
	at := func(q float64) string { return milli(float64(lags.ValueAtQuantile(q)) / 1000) }
	table.Add(fmt.Sprintf("%.0f", written.perSecond), fmt.Sprintf("%.0f", float64(reads)/x.pickDuration().Seconds()), after-before, at(50), at(99),
		fmt.Sprintf("%d of %d", stale, lags.TotalCount()))
	x.report.Tables = append(x.report.Tables, table)
	x.report.Charts = append(x.report.Charts, chart.Chart{
		Name: "database-lag", Title: "Lag of the replica during writes", Description: "How long after its commit an order is visible at the replica.",
		YLabel: "ms", Categories: []string{"p50", "p90", "p99", "max"},
		Series: []chart.Series{{Name: "lag", Y: []float64{
			float64(lags.ValueAtQuantile(50)) / 1000, float64(lags.ValueAtQuantile(90)) / 1000, float64(lags.ValueAtQuantile(99)) / 1000, float64(lags.Max()) / 1000,
		}}},
	})
	x.report.count(reads > 0 && after == before, "the reads are the replica's: %d there, %d at the primary", reads, after-before)
	err = until(ctx, time.Minute, "the replica catches up", func() (bool, error) { return count(ctx, replica) == count(ctx, x.primary), nil })
	x.report.count(err == nil, "the replica has every order in the end: %d", count(ctx, replica))
	x.report.find("The replica was %s ms behind (p50; p99 %s ms) under %.0f orders a second. Of %d customers who read right after their own order, %d did not see it there: "+
		"Souk reads orders from the primary and only the public catalogue from the replica, and from the primary when the replica is behind or gone.",
		at(50), at(99), written.perSecond, lags.TotalCount(), stale)
	return err
}

// selects returns the number of reads of the primary by product id, which only the readers of
// measureLag send.
func (x *databaseRun) selects(ctx context.Context) (n int64, err error) {
	var name string
	if err := x.primary.db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Com_select'").Scan(&name, &n); err != nil {
		return 0, fmt.Errorf("count the reads of the primary: %w", err)
	}
	return n, nil
}

// measureLag reads from the replica while orders are written to the primary, and measures how
// long after its commit an order is visible there.
func (x *databaseRun) measureLag(ctx context.Context, replica *dbServer) (reads, stale int64, lags *hdrhistogram.Histogram, w written, err error) {
	writer, err := x.primary.open(databaseName, 4)
	if err != nil {
		return 0, 0, nil, w, err
	}
	defer func() { err = errors.Join(err, writer.Close()) }()
	reader, err := replica.open(databaseName, 4)
	if err != nil {
		return 0, 0, nil, w, err
	}
	defer func() { err = errors.Join(err, reader.Close()) }()
	lags = hdrhistogram.New(1, time.Minute.Microseconds(), 3)
	var sum atomic.Int64
	var working sync.WaitGroup
	working.Go(func() { w = write(ctx, writer, 3, x.pickDuration(), anyProduct) })
	for range 2 {
		working.Go(func() {
			for begin := time.Now(); time.Since(begin) < x.pickDuration(); {
				var available int64
				if reader.QueryRowContext(ctx, "SELECT available FROM product WHERE id = ?", anyProduct()).Scan(&available) == nil {
					sum.Add(1)
				}
			}
		})
	}
	for begin := time.Now(); time.Since(begin) < x.pickDuration() && err == nil; {
		var missed bool
		missed, err = probe(ctx, writer, reader, lags)
		if missed {
			stale++
		}
	}
	working.Wait()
	return sum.Load(), stale, lags, w, err
}

// probe writes an event and waits until the replica has it. It reports whether the first read
// missed it.
func probe(ctx context.Context, writer, reader *sql.DB, lags *hdrhistogram.Histogram) (missed bool, err error) {
	result, err := writer.ExecContext(ctx, "INSERT INTO event (payload) VALUES ('probe')")
	if err != nil {
		return false, fmt.Errorf("write a probe: %w", err)
	}
	id, err := result.LastInsertId()
	if err != nil {
		return false, fmt.Errorf("write a probe: %w", err)
	}
	for begin, first := time.Now(), true; ; first = false {
		var found int
		if err := reader.QueryRowContext(ctx, "SELECT COUNT(*) FROM event WHERE id = ?", id).Scan(&found); err != nil {
			return missed, fmt.Errorf("read a probe: %w", err)
		}
		if found == 1 {
			return missed, lags.RecordValue(max(min(time.Since(begin), time.Minute).Microseconds(), 1))
		}
		missed = missed || first
	}
}

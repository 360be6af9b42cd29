package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/go-sql-driver/mysql"
	"github.com/googleapis/gax-go/v2"

	"souk/emulators/lab/chart"
	"souk/shared/database"
)

// place places an order in one transaction, as the shop does: take a unit if there is one,
// insert the order, insert its event.
func place(ctx context.Context, db *sql.DB, product int) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreDone(tx.Rollback()))
		}
	}()
	result, err := tx.ExecContext(ctx, "UPDATE product SET available = available - 1 WHERE id = ? AND available >= 1", product)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("product %d is sold out", product))
	}
	if _, err = tx.ExecContext(ctx, "INSERT INTO orders (product, placed_at) VALUES (?, UTC_TIMESTAMP(6))", product); err != nil {
		return err
	}
	if _, err = tx.ExecContext(ctx, "INSERT INTO event (payload) VALUES (?)", fmt.Sprintf(`{"product": %d}`, product)); err != nil {
		return err
	}
	return tx.Commit()
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) || errors.Is(err, mysql.ErrInvalidConn) {
		return nil
	}
	return err
}

// written is the result of a number of writers.
type written struct {
	committed, failed int64
	perSecond         float64
	latencies         *hdrhistogram.Histogram // in microseconds
}

func (w written) p99() float64 { return float64(w.latencies.ValueAtQuantile(99)) / 1000 }

// write places orders over a number of connections until ctx is done or the time is over.
func write(ctx context.Context, db *sql.DB, connections int, duration time.Duration, product func() int) written {
	w := written{latencies: hdrhistogram.New(1, time.Minute.Microseconds(), 3)}
	var mu sync.Mutex
	var writers sync.WaitGroup
	begin := time.Now()
	for range connections {
		writers.Go(func() {
			for time.Since(begin) < duration && ctx.Err() == nil {
				started := time.Now()
				err := place(ctx, db, product())
				took := time.Since(started)
				mu.Lock()
				if err != nil {
					w.failed++
				} else {
					w.committed++
					_ = w.latencies.RecordValue(min(took, time.Minute).Microseconds()) // within its bounds
				}
				mu.Unlock()
				if err != nil && gax.Sleep(ctx, 10*time.Millisecond) != nil {
					return
				}
			}
		})
	}
	writers.Wait()
	w.perSecond = float64(w.committed) / time.Since(begin).Seconds()
	return w
}

func anyProduct() int { return 1 + rand.IntN(labProducts) }
func hotProduct() int { return 1 }

// saturate measures the throughput of writers with a growing number of connections.
func (x *databaseRun) saturate(ctx context.Context) error {
	table := Table{
		Title:   "Orders a second (p99 in ms), by connections",
		Columns: []string{"connections", "instances × pool", "1,000 products", "p99", "one product", "p99"},
	}
	spread, hot := chart.Series{Name: "1,000 products"}, chart.Series{Name: "one product"}
	spreadLatency, hotLatency := chart.Series{Name: "1,000 products"}, chart.Series{Name: "one product"}
	var committed, failed int64
	for _, connections := range pick(x.Env, []int{1, 2, 4, 8, 16, 32, 64}, []int{2, 8}) {
		x.progress("%d connections", connections)
		s, h, err := x.measure(ctx, connections)
		if err != nil {
			return err
		}
		committed, failed = committed+s.committed+h.committed, failed+s.failed+h.failed
		at := float64(connections)
		spread.Add(at, s.perSecond)
		hot.Add(at, h.perSecond)
		spreadLatency.Add(at, s.p99())
		hotLatency.Add(at, h.p99())
		table.Add(connections, fmt.Sprintf("%d × %d", max(connections/poolOfInstance, 1), min(connections, poolOfInstance)),
			fmt.Sprintf("%.0f", s.perSecond), milli(s.p99()), fmt.Sprintf("%.0f", h.perSecond), milli(h.p99()))
	}
	x.report.Tables = append(x.report.Tables, table)
	x.report.Charts = append(x.report.Charts, chart.Chart{
		Name: "database-throughput", Title: "Orders a second, by connections to one writer",
		Description: "Orders of many products grow with the connections until the server saturates; orders of one product hardly grow.",
		XLabel:      "connections", YLabel: "orders/s", Series: []chart.Series{spread, hot},
	}, chart.Chart{
		Name: "database-latency", Title: "Latency (p99) of an order, by connections",
		Description: "Beyond saturation each connection adds waiting only.",
		XLabel:      "connections", YLabel: "ms", Series: []chart.Series{spreadLatency, hotLatency},
	})
	var sold, orders int64
	err := x.primary.db.QueryRowContext(ctx, "SELECT SUM(? - available), (SELECT COUNT(*) FROM orders) FROM product", labStock).Scan(&sold, &orders)
	if err != nil {
		return fmt.Errorf("count the orders: %w", err)
	}
	x.report.count(sold == committed && orders == committed, "no unit is oversold or lost: %d orders acknowledged, %d in the table, %d units taken, %d attempts failed",
		committed, orders, sold, failed)
	x.describeSaturation(spread, hot, spreadLatency)
	return nil
}

// measure writes over a number of connections, to many products and then to one.
func (x *databaseRun) measure(ctx context.Context, connections int) (spread, hot written, err error) {
	db, err := x.primary.open(databaseName, connections)
	if err != nil {
		return spread, hot, err
	}
	db.SetMaxIdleConns(connections)
	spread = write(ctx, db, connections, x.pickDuration(), anyProduct)
	hot = write(ctx, db, connections, x.pickDuration(), hotProduct)
	return spread, hot, db.Close()
}

// describeSaturation adds what was seen.
func (x *databaseRun) describeSaturation(spread, hot, latency chart.Series) {
	best := 0
	for i := range spread.Y {
		if spread.Y[i] > spread.Y[best]*1.05 {
			best = i
		}
	}
	last := len(spread.Y) - 1
	x.report.find("One writer took %.0f orders a second over %.0f connections. With %.0f it took %.0f, at %.1f times the p99: more instances than the database "+
		"can serve only make the queue longer, and move it to where rows are locked.",
		spread.Y[best], spread.X[best], spread.X[last], spread.Y[last], latency.Y[last]/max(latency.Y[best], 0.001))
	x.report.find("Orders of one product came to %.0f a second with %.0f connections and %.0f at best: each waits for the commit of the one before it. "+
		"Connections do not lift this limit; several orders a commit do. So stock-reserve takes the stock of all orders that arrive together "+
		"in one transaction, and calls nothing while it has the row.", hot.Y[0], hot.X[0], hot.Max())
	x.report.compare(spread.Max() >= 1.5*spread.Y[0], "more connections raise the throughput: from %.0f to %.0f orders a second", spread.Y[0], spread.Max())
	x.report.compare(hot.Max() <= 0.8*spread.Max(), "one product is slower than many: %.0f against %.0f orders a second", hot.Max(), spread.Max())
	x.report.compare(latency.Y[last] > latency.Y[0], "beyond saturation latency grows: p99 %s ms against %s ms", milli(latency.Y[last]), milli(latency.Y[0]))
}

// limit opens more connections than the server allows.
func (x *databaseRun) limit(ctx context.Context) (err error) {
	const most, instances = 20, 14
	x.progress("max_connections is %d, and %d instances open %d each", most, instances, poolOfInstance)
	err = execute(ctx, x.primary.db, "CREATE USER 'lab'@'%' IDENTIFIED BY 'lab'", "GRANT ALL ON "+databaseName+".* TO 'lab'@'%'")
	if err != nil {
		return err
	}
	cfg, err := database.ParseURL(string(x.primary.AdminURL()))
	if err != nil {
		return err
	}
	cfg.User, cfg.Passwd, cfg.DBName, cfg.Logger = "lab", "lab", databaseName, noLog{}
	var before int
	var name string
	if err := x.primary.db.QueryRowContext(ctx, "SHOW STATUS LIKE 'Threads_connected'").Scan(&name, &before); err != nil {
		return fmt.Errorf("count the connections: %w", err)
	}
	if err := execute(ctx, x.primary.db, fmt.Sprintf("SET GLOBAL max_connections = %d", most)); err != nil {
		return err
	}
	opened, refused, err := openAll(ctx, cfg, instances*poolOfInstance)
	if err != nil {
		return err
	}
	table := Table{Title: "max instances × pool against max_connections", Columns: []string{"max_connections", "in use before", "instances × pool", "opened", "refused (error 1040)"}}
	table.Add(most, before, fmt.Sprintf("%d × %d = %d", instances, poolOfInstance, instances*poolOfInstance), opened, refused)
	x.report.Tables = append(x.report.Tables, table)
	x.report.count(refused == instances*poolOfInstance-opened && refused > 0 && opened <= most,
		"connections beyond max_connections are refused: %d of %d", refused, instances*poolOfInstance)
	x.report.find("With max_connections %d, %d of %d connections were refused: the requests behind them fail. terraform refuses such a plan before it can happen.",
		most, refused, instances*poolOfInstance)
	return execute(ctx, x.primary.db, "SET GLOBAL max_connections = 200")
}

// openAll opens connections at the same time, and returns how many the server took and how
// many it refused because there are too many.
func openAll(ctx context.Context, cfg *mysql.Config, connections int) (opened, refused int, err error) {
	for range connections {
		connector, err := mysql.NewConnector(cfg)
		if err != nil {
			return 0, 0, fmt.Errorf("open a connection: %w", err)
		}
		db := sql.OpenDB(connector)
		defer func() { _ = db.Close() }()
		connection, err := db.Conn(ctx)
		if number := new(mysql.MySQLError); errors.As(err, &number) && number.Number == 1040 {
			refused++
			continue
		}
		if err != nil {
			return 0, 0, fmt.Errorf("open a connection: %w", err)
		}
		defer func() { _ = connection.Close() }()
		opened++
	}
	return opened, refused, nil
}

// noLog drops the driver's log of refused connections, which are intended.
type noLog struct{}

// Print implements mysql.Logger.
func (noLog) Print(...any) {}

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"souk/emulators/mysql"
	"souk/shared/database"
)

const (
	fewRows  = 1000
	listPath = "/v1/products?pageSize=20"
	// readsDatabase has the products that base reads.
	readsDatabase = base + "_reads"
)

func productPath(number int) string { return "/v1/products/" + numberedID("product", number).String() }

// catalogues returns the URL of a product database for each side, with the products of the
// small data set in each. Base creates its tables by a start of its system.
func (b *bench) catalogues(ctx context.Context) (map[string]database.URL, error) {
	urls := map[string]database.URL{}
	for _, side := range b.sides {
		if side.name == souk {
			set, err := b.openDataset(ctx, fewRows)
			if err != nil {
				return nil, err
			}
			urls[souk] = set.productURL
			continue
		}
		started, err := b.start(ctx, side)
		if err != nil {
			return nil, err
		}
		if err = started.stop(); err != nil {
			return nil, err
		}
		if urls[side.name], err = b.copyCatalogue(ctx, side.name+"_product"); err != nil {
			return nil, err
		}
	}
	return urls, nil
}

// copyCatalogue creates a database with the tables of another, and with the small data set:
// the system of base has created the other, and has products of its own.
func (b *bench) copyCatalogue(ctx context.Context, from string) (url database.URL, err error) {
	tables, err := database.Collect(ctx, b.admin, func(row database.Scanner) (table string, err error) {
		err = row.Scan(&table)
		return table, err
	}, `SELECT table_name FROM information_schema.tables WHERE table_schema = ?`, from)
	if err != nil {
		return "", fmt.Errorf("read the tables of %s: %w", from, err)
	}
	if _, err := mysql.CreateDatabase(ctx, b.server.AdminURL(), readsDatabase); err != nil {
		return "", err
	}
	for _, table := range tables {
		statement := fmt.Sprintf("CREATE TABLE IF NOT EXISTS `%s`.`%s` LIKE `%s`.`%s`", readsDatabase, table, from, table)
		if _, err := b.admin.ExecContext(ctx, statement); err != nil {
			return "", fmt.Errorf("copy the table %s: %w", table, err)
		}
	}
	db, url, err := b.open(readsDatabase, 2)
	if err != nil {
		return "", err
	}
	return url, errors.Join(b.fill(ctx, db, "product", fewRows, fillProducts), db.Close())
}

// prepareGet prepares reads of products by a number of clients.
func prepareGet(clients, products int) func(context.Context, *bench) ([]subject, error) {
	return func(ctx context.Context, b *bench) ([]subject, error) {
		return b.prepareReads(ctx, "product-get", clients, func() string { return productPath(rand.IntN(products)) })
	}
}

func prepareList(ctx context.Context, b *bench) ([]subject, error) {
	return b.prepareReads(ctx, "product-list", 16, func() string { return listPath })
}

// prepareReads starts a function of all sides, and the floor.
func (b *bench) prepareReads(
	ctx context.Context, function string, clients int, path func() string,
) (subjects []subject, err error) {
	urls, err := b.catalogues(ctx)
	if err != nil {
		return nil, err
	}
	for _, side := range b.sides {
		started, err := side.launchFunction("product", function, urls[side.name])
		if err != nil {
			return subjects, err
		}
		subjects = append(subjects, b.readSubject(side.name, started, clients, path))
		if err := started.await(ctx, get(path())); err != nil {
			return subjects, err
		}
	}
	bare, err := b.bareSubject(ctx, urls[souk], clients, path)
	return append(subjects, bare...), err
}

// bareSubject starts the floor.
func (b *bench) bareSubject(ctx context.Context, url database.URL, clients int, path func() string) ([]subject, error) {
	started, err := launchFloor(url)
	if err != nil {
		return nil, err
	}
	return []subject{b.readSubject(floor, started, clients, path)}, started.await(ctx, get(path()))
}

// readSubject measures reads of a process on its own port.
func (b *bench) readSubject(name string, process *instance, clients int, path func() string) subject {
	return subject{name: name, stop: process.stop, measure: func(ctx context.Context) (sample, error) {
		before, err := readStat(process.pid())
		if err != nil {
			return nil, err
		}
		databaseBefore, err := readStat(b.databasePID)
		if err != nil {
			return nil, err
		}
		rate, latencies, err := readLoad(ctx, process.address, clients, b.options.round, func() []byte { return get(path()) })
		if err != nil {
			return nil, err
		}
		after, err := readStat(process.pid())
		if err != nil {
			return nil, err
		}
		databaseAfter, err := readStat(b.databasePID)
		if err != nil {
			return nil, err
		}
		n := float64(len(latencies))
		return sample{
			"rate": rate, "p99": quantile(latencies, 0.99),
			"functions": microseconds(after.own-before.own) / n,
			"database":  microseconds(databaseAfter.own-databaseBefore.own) / n,
		}, nil
	}}
}

func microseconds(d time.Duration) float64 { return float64(d.Microseconds()) }

func prepareGateway(ctx context.Context, b *bench) ([]subject, error) {
	subjects, err := b.withShops(ctx, 1, func(ctx context.Context, s *shop) (sample, error) {
		return b.readThroughGateway(ctx, s)
	})
	if err != nil {
		return subjects, err
	}
	set, err := b.openDataset(ctx, fewRows)
	if err != nil {
		return subjects, err
	}
	bare, err := b.bareSubject(ctx, set.productURL, 16, func() string { return productPath(rand.IntN(orderProducts)) })
	return append(subjects, bare...), err
}

// readThroughGateway measures reads of the products of a shop.
func (b *bench) readThroughGateway(ctx context.Context, s *shop) (sample, error) {
	before, err := readCPU(b.databasePID, s.pid())
	if err != nil {
		return nil, err
	}
	rate, latencies, err := readLoad(ctx, s.address, 16, b.options.round, func() []byte {
		return get("/v1/products/" + s.products[rand.IntN(len(s.products))])
	})
	if err != nil {
		return nil, err
	}
	after, err := readCPU(b.databasePID, s.pid())
	used, n := after.minus(before), float64(len(latencies))
	return sample{
		"rate": rate, "p99": quantile(latencies, 0.99),
		"souk": microseconds(used.souk) / n, "functions": microseconds(used.functions) / n,
		"database": microseconds(used.database) / n, "load": microseconds(used.load) / n,
	}, err
}

func prepareSearch(ctx context.Context, b *bench) ([]subject, error) {
	set, err := b.openDataset(ctx, b.options.rows)
	if err != nil {
		return nil, err
	}
	const clients = 4
	var processes []*instance
	stop := func() error {
		var errs []error
		for _, p := range processes {
			errs = append(errs, p.stop())
		}
		return errors.Join(errs...)
	}
	subjects := []subject{{name: souk, stop: stop}}
	paths := []func() string{
		func() string {
			// Words as frequent as those of products, each of another product.
			first, _ := wordsOf(rand.IntN(set.size))
			second, _ := wordsOf(rand.IntN(set.size))
			return fmt.Sprintf("/v1/products?q=%s+%s", first[0], second[0])
		},
		func() string { return productPath(rand.IntN(set.size)) },
	}
	for i, function := range []string{"product-list", "product-get"} {
		started, err := b.sides[0].launchFunction("product", function, set.productURL)
		if err != nil {
			return subjects, err
		}
		processes = append(processes, started)
		if err := started.await(ctx, get(paths[i]())); err != nil {
			return subjects, err
		}
	}
	subjects[0].measure = func(ctx context.Context) (sample, error) {
		rate, searches, err := readLoad(ctx, processes[0].address, clients, b.options.round, func() []byte {
			return get(paths[0]())
		})
		if err != nil {
			return nil, err
		}
		_, gets, err := readLoad(ctx, processes[1].address, clients, b.options.round, func() []byte { return get(paths[1]()) })
		s, g := quantile(searches, 0.99), quantile(gets, 0.99)
		return sample{"rate": rate, "p99": s, "getP99": g, "ratio": share(s, g)}, err
	}
	return subjects, nil
}

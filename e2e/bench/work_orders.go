package main

import (
	"context"
	"errors"
	"time"
)

const (
	orderProducts = 100
	// enough is a stock that no run sells.
	enough = 100_000_000
	// overloadFactor is by how many times the clients of an overload exceed those of the peak.
	overloadFactor = 10
	// recoveryWindow is the time over which the rate is measured after an overload.
	recoveryWindow = time.Second
	// recoveryRun is how long the clients of the peak order after an overload.
	recoveryRun = 10 * time.Second
	goodShare   = 0.8
)

// withShops opens a shop for each side, and returns a subject for each.
func (b *bench) withShops(
	ctx context.Context, customers int, measure func(ctx context.Context, s *shop) (sample, error),
) (subjects []subject, err error) {
	for _, side := range b.sides {
		opened, err := b.openShop(ctx, side, customers)
		if err != nil {
			return subjects, err
		}
		subjects = append(subjects, subject{
			name: side.name, stop: opened.stop,
			measure: func(ctx context.Context) (sample, error) { return measure(ctx, opened) },
		})
	}
	return subjects, nil
}

func prepareOrders(ctx context.Context, b *bench) ([]subject, error) {
	subjects, err := b.withShops(ctx, b.options.clients, func(ctx context.Context, s *shop) (sample, error) {
		return b.measureOrders(ctx, s, b.options.clients)
	})
	if err != nil {
		return subjects, err
	}
	f, err := b.openOrderFloor(ctx, b.options.clients, orderProducts)
	if err != nil {
		return subjects, err
	}
	return append(subjects, subject{name: floor, stop: f.stop, measure: func(ctx context.Context) (sample, error) {
		return b.measureOrderFloor(ctx, f)
	}}), nil
}

// measureOrders measures orders until the last event of them is processed.
func (b *bench) measureOrders(ctx context.Context, s *shop, clients int) (sample, error) {
	meter := b.meter(s.pid())
	before, err := meter.read(ctx)
	if err != nil {
		return nil, err
	}
	got, err := s.buy(ctx, clients, b.options.round, s.two)
	if err != nil {
		return nil, err
	}
	after, err := meter.quiet(ctx)
	if err != nil {
		return nil, err
	}
	if got.confirmed == 0 {
		return nil, errors.New("no order was confirmed")
	}
	used := after.minus(before)
	figures := perOrder(used, got.confirmed)
	figures["rate"] = float64(got.confirmed) / after.at.Sub(before.at).Seconds()
	figures["p50"], figures["p99"] = quantile(got.latencies, 0.50), quantile(got.latencies, 0.99)
	figures["refused"] = 100 * float64(got.refused) / float64(got.requests)
	figures["lost"] = float64(got.lost)
	return figures, nil
}

// perOrder returns what an order has cost.
func perOrder(used reading, orders int) sample {
	n := float64(orders)
	return sample{
		"database": milliseconds(used.cpu.database) / n, "functions": milliseconds(used.cpu.functions) / n,
		"souk": milliseconds(used.cpu.souk) / n, "load": milliseconds(used.cpu.load) / n,
		"statements": used.statements / n, "commits": used.commits / n, "syncs": used.syncs / n,
	}
}

func (b *bench) measureOrderFloor(ctx context.Context, f *orderFloor) (sample, error) {
	meter := b.meter(0)
	before, err := meter.read(ctx)
	if err != nil {
		return nil, err
	}
	orders, err := f.run(ctx, b.options.clients, b.options.round)
	if err != nil {
		return nil, err
	}
	after, err := meter.read(ctx)
	if err != nil {
		return nil, err
	}
	figures := perOrder(after.minus(before), orders)
	delete(figures, "functions")
	delete(figures, "souk")
	figures["rate"] = float64(orders) / after.at.Sub(before.at).Seconds()
	return figures, nil
}

func prepareLatency(ctx context.Context, b *bench) ([]subject, error) {
	return b.withShops(ctx, 1, func(ctx context.Context, s *shop) (sample, error) {
		got, err := s.buy(ctx, 1, b.options.round, s.two)
		if err != nil {
			return nil, err
		}
		return sample{"p50": quantile(got.latencies, 0.50), "p99": quantile(got.latencies, 0.99)}, nil
	})
}

func prepareOverload(ctx context.Context, b *bench) ([]subject, error) {
	return b.withShops(ctx, overloadFactor*b.options.clients, func(ctx context.Context, s *shop) (sample, error) {
		peak, err := b.measureOrders(ctx, s, b.options.clients)
		if err != nil {
			return nil, err
		}
		during, err := s.buy(ctx, overloadFactor*b.options.clients, b.options.overload, s.two)
		if err != nil {
			return nil, err
		}
		end := time.Now()
		after, err := s.buy(ctx, b.options.clients, recoveryRun, s.two)
		if err != nil {
			return nil, err
		}
		goodput := countBefore(during.ends, end) / b.options.overload.Seconds()
		return sample{
			"peak": peak["rate"], "goodput": goodput, "share": 100 * goodput / peak["rate"],
			"refused":  100 * float64(during.refused) / float64(max(during.requests, 1)),
			"recovery": recovery(after.ends, end, goodShare*peak["rate"]).Seconds(),
			"lost":     float64(during.lost + after.lost),
		}, nil
	})
}

func countBefore(ends []time.Time, until time.Time) (count float64) {
	for _, end := range ends {
		if end.Before(until) {
			count++
		}
	}
	return count
}

// recovery returns the time from an end of an overload to the end of the first window with at
// least the rate; recoveryRun if there is none.
func recovery(ends []time.Time, since time.Time, rate float64) time.Duration {
	const step = 100 * time.Millisecond
	for begin := time.Duration(0); begin+recoveryWindow <= recoveryRun; begin += step {
		count := 0.0
		for _, end := range ends {
			if after := end.Sub(since); after >= begin && after < begin+recoveryWindow {
				count++
			}
		}
		if count/recoveryWindow.Seconds() >= rate {
			return begin + recoveryWindow
		}
	}
	return recoveryRun
}

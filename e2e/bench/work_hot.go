package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
)

func prepareHot(ctx context.Context, b *bench) ([]subject, error) {
	return b.withShops(ctx, max(b.options.buyers, b.options.crowd), b.measureHot)
}

// measureHot compares orders of many products with those of one, by few and by many buyers.
func (b *bench) measureHot(ctx context.Context, s *shop) (sample, error) {
	hot := s.products[:1]
	before, err := s.available(hot[0])
	if err != nil {
		return nil, err
	}
	var rates [3]float64
	var tallies [3]tally
	for i, load := range []struct {
		clients int
		pick    func() []string
	}{
		{b.options.buyers, func() []string { return s.two()[:1] }},
		{b.options.buyers, func() []string { return hot }},
		{b.options.crowd, func() []string { return hot }},
	} {
		meter := b.meter(s.pid())
		begin, err := meter.read(ctx)
		if err != nil {
			return nil, err
		}
		if i == 1 { // the orders of all products may have contained the hot one
			if before, err = s.available(hot[0]); err != nil {
				return nil, err
			}
		}
		if tallies[i], err = s.buy(ctx, load.clients, b.options.round, load.pick); err != nil {
			return nil, err
		}
		end, err := meter.quiet(ctx)
		if err != nil {
			return nil, err
		}
		rates[i] = float64(tallies[i].confirmed) / end.at.Sub(begin.at).Seconds()
	}
	after, err := s.available(hot[0])
	if err != nil {
		return nil, err
	}
	sold := float64(before - after)
	return sample{
		"spread": rates[0], "hot": rates[1], "hotShare": share(rates[1], rates[0]),
		"many": rates[2], "manyShare": share(rates[2], rates[1]),
		"unavailable": 100 * share(float64(tallies[2].unavailable), float64(tallies[2].requests)),
		"oversold":    math.Abs(sold - float64(tallies[1].confirmed+tallies[2].confirmed)),
		"lost":        float64(tallies[0].lost + tallies[1].lost + tallies[2].lost),
	}, nil
}

func share(part, of float64) float64 {
	if of == 0 {
		return 0
	}
	return part / of
}

// available reads the stock of a product.
func (s *shop) available(product string) (int64, error) {
	w := &wire{address: s.address}
	got, err := w.send(get("/v1/products/" + product))
	if err != nil {
		return 0, err
	}
	var body struct{ Available int64 }
	if err := json.Unmarshal(got.body, &body); err != nil || got.status != http.StatusOK {
		return 0, fmt.Errorf("read product %s: status %d: %.200s", product, got.status, got.body)
	}
	return body.Available, w.close()
}

package main

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"time"

	"souk/shared/database"
)

// startsPerRound is how often a function is started in a round.
const startsPerRound = 11

func prepareStart(ctx context.Context, b *bench) (subjects []subject, err error) {
	urls, err := b.catalogues(ctx)
	if err != nil {
		return nil, err
	}
	for _, side := range b.sides {
		subjects = append(subjects, subject{name: side.name, measure: func(ctx context.Context) (sample, error) {
			return measureStarts(ctx, side, urls[side.name])
		}})
	}
	return subjects, nil
}

func measureStarts(ctx context.Context, s side, url database.URL) (sample, error) {
	var starts, memory []float64
	for range startsPerRound {
		took, used, err := measureStart(ctx, s, url)
		if err != nil {
			return nil, err
		}
		starts, memory = append(starts, took), append(memory, used)
	}
	largest := int64(0)
	for _, service := range services {
		info, err := os.Stat(s.program(service))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		largest = max(largest, info.Size())
	}
	return sample{"start": median(starts), "memory": median(memory) / (1 << 20), "size": float64(largest) / 1e6}, nil
}

// measureStart returns the time from exec to the first 200 in milliseconds, and the memory of
// the process after it in bytes.
func measureStart(ctx context.Context, s side, url database.URL) (took, memory float64, err error) {
	begin := time.Now()
	started, err := s.launchFunction("product", "product-get", url)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, started.stop()) }()
	if err := started.await(ctx, get(productPath(0))); err != nil {
		return 0, 0, err
	}
	took = milliseconds(time.Since(begin))
	memory, err = anonymousMemory(started.pid())
	return took, memory, err
}

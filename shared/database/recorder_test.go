package database_test

import (
	"slices"
	"sync"
	"sync/atomic"

	"souk/shared/dbtest"
)

// recorder records the distinct statements that pass a proxy.
type recorder struct {
	mu         sync.Mutex
	statements []string
}

func (r *recorder) decide(statement string) dbtest.Fate {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.statements, statement) {
		r.statements = append(r.statements, statement)
	}
	return dbtest.Pass
}

func (r *recorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.statements)
}

// once reports whether something happens for the first time.
type once struct{ taken atomic.Bool }

func (o *once) first() bool { return !o.taken.Swap(true) }

func (o *once) happened() bool { return o.taken.Load() }

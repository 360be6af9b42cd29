// Package functions holds the shop: one package a service, one file an
// operation, and functions.yaml, the only list of them all.
package functions

import (
	_ "embed"
	"fmt"
	"sync"

	"souk/shared/manifest"
)

//go:embed functions.yaml
var list []byte

// Manifest returns functions.yaml, read and checked. The list is part of the
// binary, and a test reads it, so a fault in it is a programming error: panic.
var Manifest = sync.OnceValue(func() *manifest.Manifest {
	m, err := manifest.Parse(list)
	if err != nil {
		panic(fmt.Sprintf("functions.yaml: %v", err))
	}
	return m
})

// Package functions contains the shop: one package per service, one file per operation,
// and functions.yaml, the only list of all functions.
package functions

import (
	"embed"
	"fmt"
	"sync"

	"souk/shared/manifest"
)

//go:generate go run ./cmd/generate list
//go:generate go run ./cmd/generate
//go:generate go run ./cmd/generate client ../clients/go
//go:generate go run ../emulators/compose/generate ../docker-compose.yml
//go:generate go test ../terraform -run ^(TestJourneyLists|TestQuotas)$ -update
//go:generate go test ../cmd/souk/internal/cost -run ^TestCapacityPage$ -update

// list is functions.yaml, read, checked and written as JSON by `go generate`: every start of a
// function reads it, which takes a fraction of the time, and the program needs no YAML.
//
//go:embed functions.json
var list []byte

// OpenAPI is the OpenAPI 3.1 document of every function that clients call. It is
// generated from what the services register.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Events contains the JSON Schema of every topic's events, events/TOPIC.schema.json,
// generated from the payloads that the services declare.
//
//go:embed events/*.schema.json
var Events embed.FS

// Manifest returns functions.yaml. The list is part of the binary, and a test reads it, so a
// fault in it is a programming error: panic.
var Manifest = sync.OnceValue(func() *manifest.Manifest {
	m, err := manifest.Decode(list)
	if err != nil {
		panic(fmt.Sprintf("functions.json: %v", err))
	}
	return m
})

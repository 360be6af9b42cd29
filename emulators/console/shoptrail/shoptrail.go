// Package shoptrail reads what the services have recorded about changes, from their databases, as one list.
package shoptrail

import (
	"context"
	"maps"
	"slices"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

// List returns a page of the changes of all services, newest first. A page may have fewer entries than its
// size, and a token. databases are those of the services by name; there must be one. further are the sources of
// services that have entries besides those of their tables trail.
func List(ctx context.Context, databases map[string]*database.DB, further map[string]trail.Source, in *trail.ListInput) (api.Page[trail.Entry], error) {
	services := slices.Sorted(maps.Keys(databases))
	var sources []trail.Source
	for i, service := range services {
		if i > 0 { // List reads the first table by itself
			sources = append(sources, of(databases[service], trail.ReadTable))
		}
		if source := further[service]; source != nil {
			sources = append(sources, of(databases[service], source))
		}
	}
	out, err := trail.List(ctx, databases[services[0]], in, sources...)
	if err != nil {
		return api.Page[trail.Entry]{}, err
	}
	return out.Body, nil
}

// of returns a source that reads a database of its own.
func of(db *database.DB, read trail.Source) trail.Source {
	return func(ctx context.Context, _ database.Queryer, f trail.Filter, cursor string, limit int) ([]trail.Item, error) {
		return read(ctx, db, f, cursor, limit)
	}
}

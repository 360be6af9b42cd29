// Package migrations contains the migrations of the tables of service webhook. It is a package
// of its own, so that programs that only migrate do not link the service.
package migrations

import (
	"embed"

	"souk/shared/database"
)

//go:embed *.sql
var files embed.FS

// All creates the service's tables.
var All = database.Migrations{Name: "webhook", FS: files}

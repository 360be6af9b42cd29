// Package migrations has the migrations of the tables of service user. It is apart from the
// service, so that programs that migrate do not contain it.
package migrations

import (
	"embed"

	"souk/shared/database"
)

//go:embed *.sql
var files embed.FS

// All creates the service's tables.
var All = database.Migrations{Name: "user", FS: files}

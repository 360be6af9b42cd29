package database

import "io/fs"

// Migrations is a set of numbered SQL files of one owner, such as a service or the outbox.
// Each set of a database has its own versions.
type Migrations struct {
	// Name is the owner, in lower case. Applied versions are stored in the table
	// <Name>_migration.
	Name string
	// FS has 00001_name.sql … in goose's format, at its root or in a folder named
	// migrations. An owner without tables has none.
	FS fs.FS
}

// Package access describes the rights of logins to databases. It imports no driver, so
// that the list of functions can have them in every program.
package access

import "slices"

// Column is a column of a table.
type Column struct{ Table, Name string }

// Rights are the rights of a login in one database: to read and write all rows, except for
// the values of some columns and the rows of some tables. They do not include DDL.
type Rights struct {
	// NoRead are columns whose values the login may not read.
	NoRead []Column
	// NoWrite are columns whose values the login may not write.
	NoWrite []Column
	// NoChange are tables whose rows the login may add and read, but neither change nor delete.
	NoChange []string
	// ReadOnly withholds the right to write any row.
	ReadOnly bool
}

// Equal reports whether r and other are the same rights.
func (r Rights) Equal(other Rights) bool {
	return slices.Equal(r.NoRead, other.NoRead) && slices.Equal(r.NoWrite, other.NoWrite) &&
		slices.Equal(r.NoChange, other.NoChange) && r.ReadOnly == other.ReadOnly
}

// SameInAllTables reports whether r are the same rights in all tables of a database.
func (r Rights) SameInAllTables() bool {
	return len(r.NoRead) == 0 && len(r.NoWrite) == 0 && len(r.NoChange) == 0
}

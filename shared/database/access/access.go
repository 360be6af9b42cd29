// Package access describes the rights of logins to databases. It imports no driver, so
// that the list of functions can have them in every program.
package access

import "slices"

// Column is a column of a table.
type Column struct{ Table, Name string }

// Rights are the rights of a login in one database: to read and write all rows, except for
// the values of some columns. They do not include DDL.
type Rights struct {
	// NoRead are columns whose values the login may not read.
	NoRead []Column
	// NoWrite are columns whose values the login may not write.
	NoWrite []Column
}

// Equal reports whether r and other are the same rights.
func (r Rights) Equal(other Rights) bool {
	return slices.Equal(r.NoRead, other.NoRead) && slices.Equal(r.NoWrite, other.NoWrite)
}

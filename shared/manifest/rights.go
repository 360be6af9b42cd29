package manifest

import (
	"fmt"
	"slices"

	"souk/shared/database/access"
)

// RestrictedColumn is a column of a service's database that only some of the service's
// functions have the right to read or write.
type RestrictedColumn struct {
	Service string `yaml:"service"`
	Table   string `yaml:"table"`
	Column  string `yaml:"column"`
	// Read are the functions that may read its values, also in a condition.
	Read []string `yaml:"read"`
	// ReadAll lets all functions of the service read its values. Read is empty then.
	ReadAll bool `yaml:"readAll"`
	// Write are the functions that may insert or update its values.
	Write []string `yaml:"write"`
	// Former are functions that did either in the release before. Their revisions serve while
	// the next release is rolled out, and again if it is taken back.
	Former []string `yaml:"former"`
}

// ImmutableTable is a table whose rows no function has the right to change or delete.
type ImmutableTable struct {
	Service string `yaml:"service"`
	Table   string `yaml:"table"`
}

// names returns all functions that the column names.
func (r RestrictedColumn) names() []string { return slices.Concat(r.Read, r.Write, r.Former) }

// Rights returns the rights in a service's database of a login that the named functions of
// the service share. Without names these are the rights of the functions that no restricted
// column names.
func (m *Manifest) Rights(service string, functions ...string) access.Rights {
	var rights access.Rights
	excluded := func(allowed []string) bool {
		return !slices.ContainsFunc(functions, func(name string) bool { return slices.Contains(allowed, name) })
	}
	for _, r := range m.RestrictedColumns {
		column := access.Column{Table: r.Table, Name: r.Column}
		if r.Service != service {
			continue
		}
		if !r.ReadAll && excluded(slices.Concat(r.Read, r.Former)) {
			rights.NoRead = append(rights.NoRead, column)
		}
		if excluded(slices.Concat(r.Write, r.Former)) {
			rights.NoWrite = append(rights.NoWrite, column)
		}
	}
	for _, immutable := range m.ImmutableTables {
		if immutable.Service == service {
			rights.NoChange = append(rights.NoChange, immutable.Table)
		}
	}
	return rights
}

// Login is a login to a service's database where functions with the same rights share one:
// on a local system.
type Login struct {
	// Name is the service's, or that of the only function that uses the login.
	Name    string
	Service string
	Rights  access.Rights
}

// Logins returns the logins to all databases: one for each service, and one for each function
// that may use a restricted column.
func (m *Manifest) Logins() []Login {
	var logins []Login
	for _, service := range m.Services() {
		logins = append(logins, Login{service, service, m.Rights(service)})
		for _, f := range m.FunctionsOf(service) {
			if name := m.LoginOf(f); name != service {
				logins = append(logins, Login{name, service, m.Rights(service, name)})
			}
		}
	}
	return logins
}

// LoginOf returns the name of the login that a function uses.
func (m *Manifest) LoginOf(f Function) string {
	for _, r := range m.RestrictedColumns {
		if slices.Contains(r.names(), f.Name) {
			return f.Name
		}
	}
	return f.Service
}

func (m *Manifest) checkImmutableTables() []error {
	var errs []error
	seen := map[ImmutableTable]bool{}
	for _, table := range m.ImmutableTables {
		if table.Table == "" || !slices.Contains(m.Services(), table.Service) || seen[table] {
			errs = append(errs, fmt.Errorf("immutableTables: %q of service %q: need a table, listed once, and the service of a function", table.Table, table.Service))
		}
		seen[table] = true
	}
	return errs
}

func (m *Manifest) checkRestrictedColumns() []error {
	var errs []error
	seen := map[string]bool{}
	for _, r := range m.RestrictedColumns {
		name := r.Service + ": " + r.Table + "." + r.Column
		if r.Table == "" || r.Column == "" {
			errs = append(errs, fmt.Errorf("restrictedColumns: %s: need a table and a column", name))
		}
		if seen[name] {
			errs = append(errs, fmt.Errorf("restrictedColumns: %s is listed twice", name))
		}
		seen[name] = true
		if r.ReadAll && len(r.Read) > 0 {
			errs = append(errs, fmt.Errorf("restrictedColumns: %s: either all functions may read it, or those that read lists", name))
		}
		if !slices.Contains(m.Services(), r.Service) {
			errs = append(errs, fmt.Errorf("restrictedColumns: %s: no function is of service %q", name, r.Service))
		}
		for _, function := range r.names() {
			f, known := m.Function(function)
			if !known || f.Service != r.Service || f.Database == NoDatabase {
				errs = append(errs, fmt.Errorf("restrictedColumns: %s: %s is not a function of service %s with a database", name, function, r.Service))
			}
		}
	}
	return errs
}

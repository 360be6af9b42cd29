package database

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"souk/shared/database/access"
)

// Column is a column of a table.
type Column = access.Column

// Rights are the rights of a login in one database.
type Rights = access.Rights

// privilege is one privilege of a login in a database, as the server stores it.
type privilege struct {
	schema string // as in the grant: a name or a pattern
	table  string // empty: every table of the database
	column string // empty: every column of the table
	kind   string
}

var grantName = regexp.MustCompile(`^[A-Za-z0-9_.-]+$`)

// Grant grants a login its rights in a database and revokes all others. Names are restricted
// to letters, digits, dots, hyphens and underscores because GRANT has no placeholders.
func Grant(ctx context.Context, admin Queryer, database, login string, rights Rights) error {
	for _, name := range []string{database, login} {
		if !grantName.MatchString(name) {
			return fmt.Errorf("grant rights: the name %q does not match %s", name, grantName)
		}
	}
	wanted, err := wantedPrivileges(ctx, admin, database, rights)
	if err != nil {
		return fmt.Errorf("grant %s its rights in %s: %w", login, database, err)
	}
	granted, err := grantedPrivileges(ctx, admin, database, login)
	if err != nil {
		return fmt.Errorf("read the rights of %s in %s: %w", login, database, err)
	}
	// Grant before revoking, so that a running function always has the rights common to
	// both.
	for _, statement := range privilegeStatements("GRANT", "TO", login, wanted, granted) {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("grant %s its rights in %s: %w", login, database, err)
		}
	}
	for _, statement := range privilegeStatements("REVOKE", "FROM", login, granted, wanted) {
		if _, err := admin.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("revoke the other rights of %s in %s: %w", login, database, err)
		}
	}
	if rights.SameInAllTables() {
		return nil
	}
	// An administrator who does not see the rights of others has not revoked any.
	if granted, err = grantedPrivileges(ctx, admin, database, login); err != nil {
		return fmt.Errorf("read the rights of %s in %s: %w", login, database, err)
	}
	if !maps.Equal(granted, wanted) {
		return fmt.Errorf("%s has other rights in %s than it is to have, or the administrator cannot read them, for which it needs SELECT on mysql.*", login, database)
	}
	return nil
}

// wantedPrivileges returns the privileges for rights.
func wantedPrivileges(ctx context.Context, q Queryer, database string, rights Rights) (map[privilege]bool, error) {
	wanted := map[privilege]bool{}
	if rights.SameInAllTables() {
		schema, err := grantPattern(ctx, q, database)
		if err != nil {
			return nil, err
		}
		for _, kind := range privilegeKinds(rights) {
			wanted[privilege{schema: schema, kind: kind}] = true
		}
		return wanted, nil
	}
	columns, err := readColumns(ctx, q, database)
	if err != nil {
		return nil, err
	}
	if err := requireColumns(columns, rights); err != nil {
		return nil, err
	}
	for table, names := range columns {
		withheld := map[string][]Column{"SELECT": rights.NoRead, "INSERT": rights.NoWrite, "UPDATE": rights.NoWrite}
		for _, kind := range privilegeKinds(rights) {
			if (kind == "UPDATE" || kind == "DELETE") && slices.Contains(rights.NoChange, table) {
				continue
			}
			for _, p := range tablePrivileges(database, table, kind, names, withheld[kind]) {
				wanted[p] = true
			}
		}
	}
	return wanted, nil
}

// requireColumns returns an error if rights name a table or a column that does not exist.
func requireColumns(columns map[string][]string, rights Rights) error {
	for _, column := range append(slices.Clone(rights.NoRead), rights.NoWrite...) {
		if !slices.Contains(columns[column.Table], column.Name) {
			return fmt.Errorf("there is no column %s.%s", column.Table, column.Name)
		}
	}
	for _, table := range rights.NoChange {
		if _, found := columns[table]; !found {
			return fmt.Errorf("there is no table %s", table)
		}
	}
	return nil
}

// privilegeKinds returns the kinds of privileges for rights.
func privilegeKinds(rights Rights) []string {
	if rights.ReadOnly {
		return []string{"SELECT"}
	}
	return []string{"SELECT", "INSERT", "UPDATE", "DELETE"}
}

// tablePrivileges returns one privilege for the table, or one for each column that is not
// withheld.
func tablePrivileges(database, table, kind string, columns []string, withheld []Column) []privilege {
	var byColumn []privilege
	for _, column := range columns {
		if !slices.Contains(withheld, Column{Table: table, Name: column}) {
			byColumn = append(byColumn, privilege{database, table, column, kind})
		}
	}
	if len(byColumn) == len(columns) {
		return []privilege{{schema: database, table: table, kind: kind}}
	}
	return byColumn
}

// grantPattern returns a database's name for a grant on all of its tables. It is a pattern,
// in which _ matches any character and is escaped; with the variable partial_revokes it is a
// literal name, in which an escape would be wrong
// (https://dev.mysql.com/doc/refman/8.4/en/grant.html). MariaDB does not have that variable.
// In a grant on one table it is always a literal name.
func grantPattern(ctx context.Context, q Queryer, database string) (string, error) {
	literal, err := partialRevokes(ctx, q)
	if err != nil || literal {
		return database, err
	}
	return escapePattern(database), nil
}

func escapePattern(database string) string { return strings.ReplaceAll(database, "_", `\_`) }

// partialRevokes reports whether the server has partial revokes switched on.
func partialRevokes(ctx context.Context, q Queryer) (bool, error) {
	var name, value string
	err := Each(ctx, q, func(row Scanner) error { return row.Scan(&name, &value) }, `SHOW GLOBAL VARIABLES LIKE 'partial\_revokes'`)
	if err != nil {
		return false, fmt.Errorf("read partial_revokes: %w", err)
	}
	return value == "ON", nil
}

// readColumns returns the columns of each table of a database.
func readColumns(ctx context.Context, q Queryer, database string) (map[string][]string, error) {
	columns := map[string][]string{}
	err := Each(ctx, q, func(row Scanner) error {
		var table, column string
		if err := row.Scan(&table, &column); err != nil {
			return err
		}
		columns[table] = append(columns[table], column)
		return nil
	}, `
		SELECT t.table_name, c.column_name
		FROM information_schema.tables t
		JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name
		WHERE t.table_schema = ? AND t.table_type = 'BASE TABLE'
		ORDER BY t.table_name, c.ordinal_position`, database)
	if err != nil {
		return nil, fmt.Errorf("read the tables: %w", err)
	}
	return columns, nil
}

// grantedPrivileges returns the privileges of a login in a database, by either form of its
// name. An account without rights on the schema mysql sees only its own.
func grantedPrivileges(ctx context.Context, q Queryer, database, login string) (map[privilege]bool, error) {
	granted := map[privilege]bool{}
	return granted, Each(ctx, q, func(row Scanner) error {
		var p privilege
		if err := row.Scan(&p.schema, &p.table, &p.column, &p.kind); err != nil {
			return err
		}
		if p.kind != "USAGE" { // no privilege at all
			granted[p] = true
		}
		return nil
	}, `
		SELECT table_schema, '', '', privilege_type FROM information_schema.schema_privileges
		WHERE grantee = ? AND table_schema IN (?, ?)
		UNION ALL
		SELECT table_schema, table_name, '', privilege_type FROM information_schema.table_privileges
		WHERE grantee = ? AND table_schema = ?
		UNION ALL
		SELECT table_schema, table_name, column_name, privilege_type FROM information_schema.column_privileges
		WHERE grantee = ? AND table_schema = ?`,
		account(login), database, escapePattern(database), account(login), database, account(login), database)
}

// account returns the account of a login in SQL, for any host.
func account(login string) string { return "'" + login + "'@'%'" }

// privilegeStatements returns the statements that grant or revoke the privileges that are in
// some and not in others, one per table.
func privilegeStatements(verb, preposition, login string, some, others map[privilege]bool) []string {
	type scope struct{ schema, table string }
	kinds := map[scope]map[string][]string{}
	for p := range some {
		if others[p] {
			continue
		}
		at := scope{p.schema, p.table}
		if kinds[at] == nil {
			kinds[at] = map[string][]string{}
		}
		kinds[at][p.kind] = append(kinds[at][p.kind], p.column)
	}
	var statements []string
	for at, columns := range kinds {
		var parts []string
		for _, kind := range slices.Sorted(maps.Keys(columns)) {
			parts = append(parts, privilegeParts(kind, columns[kind])...)
		}
		on := "`" + at.schema + "`.*"
		if at.table != "" {
			on = "`" + at.schema + "`.`" + at.table + "`"
		}
		statements = append(statements, verb+" "+strings.Join(parts, ", ")+" ON "+on+" "+preposition+" "+account(login))
	}
	slices.Sort(statements)
	return statements
}

// privilegeParts returns a kind of privilege for some columns. An empty column means the
// table.
func privilegeParts(kind string, columns []string) []string {
	var parts, named []string
	for _, column := range slices.Sorted(slices.Values(columns)) {
		if column == "" {
			parts = append(parts, kind)
			continue
		}
		named = append(named, "`"+column+"`")
	}
	if len(named) > 0 {
		parts = append(parts, kind+" ("+strings.Join(named, ", ")+")")
	}
	return parts
}

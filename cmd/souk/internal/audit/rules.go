package audit

import (
	"context"
	"database/sql"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
)

// rules lists the rows that break a rule which their text would be refused by if it
// were entered today. The services read such rows, and do not check them again.
//
// Every text column of every table is read: a new one is a single line of text until
// columnRules or exemptColumns says something else.
func (a *auditor) rules(ctx context.Context) error {
	for _, service := range a.services() {
		s := a.snapshots[service]
		tables, err := textTables(ctx, s)
		if err != nil {
			return err
		}
		for _, t := range tables {
			if err := a.ruleTable(ctx, s, t); err != nil {
				return err
			}
		}
	}
	return nil
}

// textTable is a table with text columns that rules apply to.
type textTable struct {
	name          string
	keys, columns []string
}

// textTables returns the tables of a database that have columns with rules.
func textTables(ctx context.Context, s *snapshot) (tables []textTable, err error) {
	err = s.query(ctx, func(rows *sql.Rows) error {
		var table, column string
		var isKey, isText bool
		if err := rows.Scan(&table, &column, &isKey, &isText); err != nil {
			return err
		}
		if len(tables) == 0 || tables[len(tables)-1].name != table {
			tables = append(tables, textTable{name: table})
		}
		t := &tables[len(tables)-1]
		if isKey {
			t.keys = append(t.keys, column)
		}
		if _, exempt := exemptColumns[table+"."+column]; isText && !exempt {
			t.columns = append(t.columns, column)
		}
		return nil
	}, `
		SELECT c.table_name, c.column_name, c.column_key = 'PRI',
			c.data_type IN ('char', 'varchar', 'tinytext', 'text', 'mediumtext', 'longtext', 'json', 'enum', 'set')
		FROM information_schema.columns c
		JOIN information_schema.tables t ON t.table_schema = c.table_schema AND t.table_name = c.table_name
		WHERE c.table_schema = DATABASE() AND t.table_type = 'BASE TABLE'
		ORDER BY c.table_name, c.ordinal_position`)
	return tables, err
}

// ruleTable checks each row of a table.
func (a *auditor) ruleTable(ctx context.Context, s *snapshot, t textTable) error {
	if len(t.columns) == 0 {
		return nil
	}
	names := append(append([]string{}, t.keys...), t.columns...)
	values := make([]sql.Null[[]byte], len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	return s.query(ctx, func(rows *sql.Rows) error {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, column := range t.columns {
			if value := values[len(t.keys)+i]; value.Valid {
				a.ruleValue(t, column, string(value.V), values[:len(t.keys)])
			}
		}
		return nil
	}, "SELECT `"+strings.Join(names, "`, `")+"` FROM `"+t.name+"`")
}

// ruleValue checks one value. Its text is personal data, and is not in the finding.
func (a *auditor) ruleValue(t textTable, column, value string, keys []sql.Null[[]byte]) {
	rule, own := columnRules[t.name+"."+column]
	if !own {
		rule = line
	}
	for _, breach := range rule(value) {
		a.find(breach.check, t.name+" "+keyText(keys), "%s: %s", column, breach.detail)
	}
}

// keyText writes a primary key: ids as UUIDs, other binary values in hexadecimal.
func keyText(keys []sql.Null[[]byte]) string {
	var texts []string
	for _, key := range keys {
		id, err := uuid.FromBytes(key.V)
		switch {
		case err == nil:
			texts = append(texts, id.String())
		case utf8.Valid(key.V) && isPrintable(key.V):
			texts = append(texts, string(key.V))
		default:
			texts = append(texts, hex.EncodeToString(key.V))
		}
	}
	return strings.Join(texts, " ")
}

func isPrintable(text []byte) bool {
	return !strings.ContainsFunc(string(text), func(r rune) bool { return !strconv.IsPrint(r) })
}

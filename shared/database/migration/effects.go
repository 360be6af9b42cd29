package migration

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// alreadyDone are the server's errors for a DDL statement that already took effect.
var alreadyDone = map[uint16]bool{
	1022: true, // ER_DUP_KEY, of a constraint's name
	1050: true, // ER_TABLE_EXISTS_ERROR
	1051: true, // ER_BAD_TABLE_ERROR, of DROP TABLE
	1054: true, // ER_BAD_FIELD_ERROR, of RENAME and CHANGE COLUMN
	1060: true, // ER_DUP_FIELDNAME
	1061: true, // ER_DUP_KEYNAME
	1091: true, // ER_CANT_DROP_FIELD_OR_KEY
	1826: true, // ER_FK_DUP_NAME
	3821: true, // ER_CHECK_CONSTRAINT_NOT_FOUND
	3822: true, // ER_CHECK_CONSTRAINT_DUP_NAME
	3940: true, // ER_CONSTRAINT_NOT_FOUND
}

// effect is an effect of a DDL statement: an object of a table exists, or does not.
type effect struct {
	kind   effectKind
	table  string
	name   string
	exists bool
}

type effectKind string

const (
	table      effectKind = "table"
	column     effectKind = "column"
	index      effectKind = "index"
	constraint effectKind = "constraint"
)

// String returns the name of the object for errors.
func (e effect) String() string {
	if e.kind == table {
		return "table " + e.name
	}
	return string(e.kind) + " " + e.name + " of table " + e.table
}

// tookEffect returns nil if a DDL statement has taken effect. The server runs such a
// statement completely or not at all, even if its client is killed
// (https://dev.mysql.com/doc/refman/8.4/en/atomic-ddl.html).
func tookEffect(ctx context.Context, conn *sql.Conn, statement string) error {
	effects, err := parseEffects(statement)
	if err != nil {
		return err
	}
	for _, e := range effects {
		exists, err := e.find(ctx, conn)
		if err != nil {
			return fmt.Errorf("find %s: %w", e, err)
		}
		if !exists && e.exists {
			return fmt.Errorf("it was not applied completely: %s is missing", e)
		}
		if exists && !e.exists {
			return fmt.Errorf("it was not applied completely: %s still exists", e)
		}
	}
	return nil
}

var lookups = map[effectKind]string{
	table: `SELECT COUNT(*) FROM information_schema.tables
		WHERE table_schema = DATABASE() AND table_name = ? AND table_name = ?`,
	column: `SELECT COUNT(*) FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name = ? AND column_name = ?`,
	index: `SELECT COUNT(*) FROM information_schema.statistics
		WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?`,
	constraint: `SELECT COUNT(*) FROM information_schema.table_constraints
		WHERE table_schema = DATABASE() AND table_name = ? AND constraint_name = ?`,
}

func (e effect) find(ctx context.Context, conn *sql.Conn) (bool, error) {
	n := 0
	err := conn.QueryRowContext(ctx, lookups[e.kind], e.table, e.name).Scan(&n)
	return n > 0, err
}

var (
	// A quote in a comment begins no literal, and two hyphens in a literal begin no comment.
	commentOrLiteral = regexp.MustCompile(`(?m)--.*$|/\*(?s:.*?)\*/|'(?:[^'\\]|\\.|'')*'`)

	createTable = regexp.MustCompile(`^CREATE TABLE (?:IF NOT EXISTS )?(\w+) ?\((.*)\)[^()]*$`)
	dropTable   = regexp.MustCompile(`^DROP TABLE (?:IF EXISTS )?(\w+)$`)
	createIndex = regexp.MustCompile(`^CREATE (?:UNIQUE |FULLTEXT )?INDEX (\w+) ON (\w+)\b`)
	dropIndex   = regexp.MustCompile(`^DROP INDEX (\w+) ON (\w+)$`)
	alterTable  = regexp.MustCompile(`^ALTER TABLE (\w+) (.*)$`)

	keyClause        = regexp.MustCompile(`^(?:UNIQUE |FULLTEXT )?(?:KEY|INDEX) (\w+) ?\(`)
	uniqueClause     = regexp.MustCompile(`^UNIQUE (\w+) ?\(`)
	constraintClause = regexp.MustCompile(`^CONSTRAINT (\w+) `)
	namelessClause   = regexp.MustCompile(`^(?:PRIMARY KEY|CHECK|FOREIGN KEY|MODIFY|ALTER)\b`)
	columnClause     = regexp.MustCompile(`^(?:COLUMN )?(\w+) \w`)
	renameClause     = regexp.MustCompile(`^(?:RENAME COLUMN (\w+) TO|CHANGE (?:COLUMN )?(\w+)) (\w+)`)
	dropKeyClause    = regexp.MustCompile(`^DROP (?:KEY|INDEX) (\w+)$`)
	dropOtherClause  = regexp.MustCompile(`^DROP (?:CONSTRAINT|FOREIGN KEY|CHECK) (\w+)$`)
	dropColumnClause = regexp.MustCompile(`^DROP (?:COLUMN )?(\w+)$`)
)

// parseEffects parses the DDL of migrations: one statement, names without quotes.
func parseEffects(statement string) ([]effect, error) {
	text := commentOrLiteral.ReplaceAllStringFunc(statement, func(match string) string {
		if match[0] == '\'' {
			return "''"
		}
		return ""
	})
	text = strings.TrimSuffix(strings.Join(strings.Fields(text), " "), ";")
	text = strings.ReplaceAll(strings.TrimSpace(text), "`", "")
	if m := createTable.FindStringSubmatch(text); m != nil {
		return ofClauses(m[1], []effect{{table, m[1], m[1], true}}, m[2], added)
	}
	if m := dropTable.FindStringSubmatch(text); m != nil {
		return []effect{{table, m[1], m[1], false}}, nil
	}
	if m := createIndex.FindStringSubmatch(text); m != nil {
		return []effect{{index, m[2], m[1], true}}, nil
	}
	if m := dropIndex.FindStringSubmatch(text); m != nil {
		return []effect{{index, m[2], m[1], false}}, nil
	}
	if m := alterTable.FindStringSubmatch(text); m != nil {
		return ofClauses(m[1], nil, m[2], altered)
	}
	return nil, errors.New("the effect of this statement cannot be checked")
}

// ofClauses adds the effects of each clause of a table. It fails if there are none.
func ofClauses(name string, effects []effect, clauses string, read func(table, clause string) ([]effect, bool)) ([]effect, error) {
	for _, clause := range splitClauses(clauses) {
		more, ok := read(name, clause)
		if !ok {
			return nil, fmt.Errorf("the effect of %q cannot be checked", clause)
		}
		effects = append(effects, more...)
	}
	if len(effects) == 0 {
		return nil, errors.New("it has no effect that can be checked")
	}
	return effects, nil
}

// added returns the effects of a clause of CREATE TABLE, or of ALTER TABLE … ADD.
func added(name, clause string) ([]effect, bool) {
	if m := keyClause.FindStringSubmatch(clause); m != nil {
		return []effect{{index, name, m[1], true}}, true
	}
	if m := constraintClause.FindStringSubmatch(clause); m != nil {
		return []effect{{constraint, name, m[1], true}}, true
	}
	if namelessClause.MatchString(clause) {
		return nil, true
	}
	if m := uniqueClause.FindStringSubmatch(clause); m != nil {
		return []effect{{index, name, m[1], true}}, true
	}
	if m := columnClause.FindStringSubmatch(clause); m != nil {
		return []effect{{column, name, m[1], true}}, true
	}
	return nil, false
}

// altered returns the effects of a clause of ALTER TABLE.
func altered(name, clause string) ([]effect, bool) {
	if more, isAdd := strings.CutPrefix(clause, "ADD "); isAdd {
		return added(name, more)
	}
	if m := renameClause.FindStringSubmatch(clause); m != nil {
		before := m[1] + m[2]
		return []effect{{column, name, before, before == m[3]}, {column, name, m[3], true}}, true
	}
	if m := dropKeyClause.FindStringSubmatch(clause); m != nil {
		return []effect{{index, name, m[1], false}}, true
	}
	if clause == "DROP PRIMARY KEY" {
		return []effect{{index, name, "PRIMARY", false}}, true
	}
	if m := dropOtherClause.FindStringSubmatch(clause); m != nil {
		return []effect{{constraint, name, m[1], false}}, true
	}
	if m := dropColumnClause.FindStringSubmatch(clause); m != nil {
		return []effect{{column, name, m[1], false}}, true
	}
	return nil, namelessClause.MatchString(clause)
}

// splitClauses splits at the commas outside of parentheses.
func splitClauses(text string) (clauses []string) {
	depth, begin := 0, 0
	for i, r := range text {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth == 0 {
				clauses, begin = append(clauses, strings.TrimSpace(text[begin:i])), i+1
			}
		}
	}
	return append(clauses, strings.TrimSpace(text[begin:]))
}

package dbtest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"

	"souk/shared/database"
	"souk/shared/database/migration"
)

// schema is what migrations create: the statements of its tables, and the rows that are in them.
// Creating tables as they are at the end takes a fraction of the time of all migrations.
type schema struct {
	tables []string
	rows   []tableRows
}

// tableRows are the rows of a table that migrations insert.
type tableRows struct {
	insert string // the statement of one row
	rows   [][]any
}

// schemas has a *schemaOnce for each hash of migrations.
var schemas sync.Map

// schemaOnce is a schema that the first test with its migrations reads.
type schemaOnce struct {
	mu     sync.Mutex
	schema *schema
}

// apply gives an empty database the schema of migrations. The first time in a process it applies them, and
// reads what they have created.
func apply(ctx context.Context, db *sql.DB, sets []database.Migrations) error {
	key, err := hashMigrations(sets)
	if err != nil {
		return err
	}
	value, _ := schemas.LoadOrStore(key, &schemaOnce{})
	once := value.(*schemaOnce)
	once.mu.Lock()
	known := once.schema
	if known == nil {
		defer once.mu.Unlock()
		if err := migration.Apply(ctx, db, sets...); err != nil {
			return err
		}
		once.schema, err = readSchema(ctx, db)
		return err
	}
	once.mu.Unlock()
	return known.create(ctx, db)
}

// hashMigrations returns a hash of the names and files of migrations.
func hashMigrations(sets []database.Migrations) ([sha256.Size]byte, error) {
	hash := sha256.New()
	for _, set := range sets {
		fmt.Fprintf(hash, "%q\n", set.Name)
		if set.FS == nil {
			continue
		}
		err := fs.WalkDir(set.FS, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".sql") {
				return err
			}
			text, err := fs.ReadFile(set.FS, path)
			fmt.Fprintf(hash, "%q %q\n", path, text)
			return err
		})
		if err != nil {
			return [sha256.Size]byte{}, fmt.Errorf("read the migrations of %s: %w", set.Name, err)
		}
	}
	return [sha256.Size]byte(hash.Sum(nil)), nil
}

// readSchema reads the tables and rows of a database.
func readSchema(ctx context.Context, db *sql.DB) (*schema, error) {
	names, err := database.Collect(ctx, db, database.ScanColumn[string], `
		SELECT table_name
		FROM information_schema.tables
		WHERE table_schema = DATABASE()
		ORDER BY table_name`)
	if err != nil {
		return nil, fmt.Errorf("list the tables: %w", err)
	}
	var others int
	err = db.QueryRowContext(ctx, `
		SELECT (SELECT COUNT(*) FROM information_schema.triggers WHERE trigger_schema = DATABASE())
			+ (SELECT COUNT(*) FROM information_schema.routines WHERE routine_schema = DATABASE())`).Scan(&others)
	if err != nil || others > 0 {
		return nil, fmt.Errorf("migrations create %d triggers or routines, which are not copied: %w", others, err)
	}
	s := &schema{}
	for _, name := range names {
		var table, statement string
		if err := db.QueryRowContext(ctx, "SHOW CREATE TABLE `"+name+"`").Scan(&table, &statement); err != nil {
			return nil, fmt.Errorf("read the definition of table %s: %w", name, err)
		}
		rows, err := readRows(ctx, db, name)
		if err != nil {
			return nil, fmt.Errorf("read the rows of table %s: %w", name, err)
		}
		s.tables = append(s.tables, statement)
		if len(rows.rows) > 0 {
			s.rows = append(s.rows, rows)
		}
	}
	return s, nil
}

// copiedColumn is a column of a table, with the name of its type.
type copiedColumn struct{ name, dataType string }

// readRows reads all rows of a table, without generated columns.
func readRows(ctx context.Context, db *sql.DB, table string) (found tableRows, err error) {
	columns, err := database.Collect(ctx, db, func(row database.Scanner) (c copiedColumn, err error) {
		return c, row.Scan(&c.name, &c.dataType)
	}, `
		SELECT column_name, data_type
		FROM information_schema.columns
		WHERE table_schema = DATABASE() AND table_name = ? AND extra NOT LIKE '%VIRTUAL GENERATED%' AND extra NOT LIKE '%STORED GENERATED%'
		ORDER BY ordinal_position`, table)
	if err != nil {
		return found, err
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = "`" + c.name + "`"
	}
	list := strings.Join(names, ", ")
	found.insert = "INSERT INTO `" + table + "` (" + list + ") VALUES (" + database.Placeholders(len(columns)) + ")"
	return found, database.Each(ctx, db, func(row database.Scanner) error {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := row.Scan(targets...); err != nil {
			return err
		}
		for i, value := range values {
			// MySQL refuses binary values in columns of text and JSON.
			if text, isBytes := value.([]byte); isBytes && !strings.HasSuffix(columns[i].dataType, "binary") && !strings.HasSuffix(columns[i].dataType, "blob") {
				values[i] = string(text)
			}
		}
		found.rows = append(found.rows, values)
		return nil
	}, "SELECT "+list+" FROM `"+table+"`")
}

// create creates the tables and their rows in an empty database.
func (s *schema) create(ctx context.Context, db *sql.DB) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	// Tables may refer to others that come later. The connection is the only one with this setting, and
	// is closed with its pool.
	if _, err := conn.ExecContext(ctx, `SET SESSION foreign_key_checks = 0`); err != nil {
		return err
	}
	for _, statement := range s.tables {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("create a table of the migrations: %w", err)
		}
	}
	for _, table := range s.rows {
		for _, row := range table.rows {
			if _, err := conn.ExecContext(ctx, table.insert, row...); err != nil {
				return fmt.Errorf("insert a row of the migrations: %w", err)
			}
		}
	}
	return nil
}

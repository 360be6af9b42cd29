package dbtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"souk/shared/database"
	"souk/shared/database/migration"
)

// filledRows is the number of rows of each table of a filled database: enough that plans
// are those of a large table, and few enough to insert quickly.
const filledRows = 1 << 13

// openFilled creates a database with filled tables and returns a function that drops it.
func openFilled(ctx context.Context, server *config, rows Rows, sets []database.Migrations) (db *database.DB, drop func() error, err error) {
	dropDatabase, err := createDatabase(ctx, server)
	if err != nil {
		return nil, func() error { return nil }, err
	}
	// One connection, so that session variables apply to every statement.
	if db, err = database.Open(database.Config{URL: database.FormatURL(server), MaxOpenConns: 1}); err != nil {
		return nil, dropDatabase, err
	}
	drop = func() error { return errors.Join(db.Close(), dropDatabase()) }
	if err := migration.Apply(ctx, db.SQL(), sets...); err != nil {
		return nil, drop, fmt.Errorf("create the tables to fill: %w", err)
	}
	return db, drop, fill(ctx, db, rows)
}

func fill(ctx context.Context, db *database.DB, rows Rows) error {
	tables, err := readColumns(ctx, db)
	if err != nil {
		return err
	}
	exec := func(statement string, args ...any) {
		if err == nil {
			if _, err = db.ExecContext(ctx, statement, args...); err != nil {
				err = fmt.Errorf("%s: %w", statement, err)
			}
		}
	}
	exec(`SET foreign_key_checks = 0`)
	exec(`CREATE TABLE numbers (n INT PRIMARY KEY)`)
	exec(`INSERT INTO numbers VALUES (1)`)
	for n := 1; n < filledRows; n *= 2 {
		exec(`INSERT INTO numbers SELECT n + ? FROM numbers`, n)
	}
	for table, columns := range tables {
		var names, values []string
		for _, c := range columns {
			value, given := rows[table+"."+c.name]
			if !given {
				value = c.value()
			}
			names, values = append(names, "`"+c.name+"`"), append(values, value)
		}
		exec("INSERT INTO `" + table + "` (" + strings.Join(names, ", ") + ") SELECT " + strings.Join(values, ", ") + " FROM numbers")
		exec("ANALYZE TABLE `" + table + "`")
	}
	return err
}

// column describes a column.
type column struct {
	name, kind string
	length     int64
	nullable   bool
	key        bool // part of a unique key
}

// value returns an SQL expression of n that fits the column.
func (c column) value() string {
	number := "n % 100"
	if c.key {
		number = "n"
	}
	value := "n"
	switch c.kind {
	case "binary", "varbinary":
		// Like UUIDs of version 7: later ids are greater.
		value = fmt.Sprintf("UNHEX(RPAD(LPAD(HEX(1700000000000 + %s), 12, '0'), %d, '7'))", number, 2*c.length)
	case "char", "varchar":
		value = fmt.Sprintf("LEFT(CONCAT('v', %s), %d)", number, c.length)
	case "datetime", "timestamp":
		value = "TIMESTAMPADD(SECOND, -n, NOW())"
	case "json", "longtext", "mediumtext", "text", "blob", "mediumblob":
		value = "'{}'" // MariaDB's JSON is a longtext
	case "tinyint":
		value = "n % 2"
	}
	if c.nullable {
		return "IF(n % 100 = 0, NULL, " + value + ")"
	}
	return value
}

func readColumns(ctx context.Context, db *database.DB) (map[string][]column, error) {
	tables := map[string][]column{}
	err := database.Each(ctx, db, func(row database.Scanner) error {
		var c column
		var table string
		var length sql.NullInt64
		if err := row.Scan(&table, &c.name, &c.kind, &length, &c.nullable, &c.key); err != nil {
			return err
		}
		c.length = length.Int64
		tables[table] = append(tables[table], c)
		return nil
	}, `
		SELECT c.table_name, c.column_name, c.data_type, c.character_maximum_length, c.is_nullable = 'YES',
			EXISTS (SELECT 1 FROM information_schema.statistics s
				WHERE s.table_schema = c.table_schema AND s.table_name = c.table_name AND s.column_name = c.column_name AND s.non_unique = 0)
		FROM information_schema.columns c
		WHERE c.table_schema = DATABASE() AND c.extra NOT LIKE '%auto_increment%' AND c.extra NOT LIKE '%GENERATED%'
			AND c.table_name NOT LIKE '%migration'
		ORDER BY c.table_name, c.ordinal_position`)
	if err != nil {
		return nil, fmt.Errorf("read the columns: %w", err)
	}
	return tables, nil
}

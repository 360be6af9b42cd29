package dbstats

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"souk/shared/database"
)

// Table is a table of a service. The numbers are the server's estimates.
type Table struct {
	Service    string `json:"service"`
	Name       string `json:"name"`
	Rows       int64  `json:"rows"`
	DataBytes  int64  `json:"dataBytes"`
	IndexBytes int64  `json:"indexBytes"`
}

// Tables returns the tables of all services, the largest of each service first.
func (r *Reader) Tables(ctx context.Context) ([]Table, error) {
	db, err := r.any()
	if err != nil {
		return nil, err
	}
	services, schemas := r.services()
	tables, err := database.Collect(ctx, db, func(row database.Scanner) (t Table, err error) {
		var schema string
		err = row.Scan(&schema, &t.Name, &t.Rows, &t.DataBytes, &t.IndexBytes)
		t.Service = services[schema]
		return t, err
	}, `
		SELECT table_schema, table_name, COALESCE(table_rows, 0), COALESCE(data_length, 0), COALESCE(index_length, 0)
		FROM information_schema.tables
		WHERE table_schema IN (`+database.Placeholders(len(schemas))+`) AND table_type = 'BASE TABLE'
		ORDER BY table_schema, data_length + index_length DESC, table_name`, database.Args(schemas)...)
	if err != nil {
		return nil, fmt.Errorf("read the sizes of the tables: %w", err)
	}
	return tables, nil
}

// Statement is a kind of statement: all that differ in their values only.
type Statement struct {
	Service string `json:"service"`
	// Text has placeholders for values.
	Text  string        `json:"text"`
	Count int64         `json:"count"`
	Total time.Duration `json:"total"`
	Max   time.Duration `json:"max"`
	// Errors counts those that failed, RowsRead the rows that were examined, where known.
	Errors   int64 `json:"errors"`
	RowsRead int64 `json:"rowsRead"`
}

// Statements returns the statements with the most total time since the server started. The
// result is empty if the server does not count them: see Server.CountsStatements.
func (r *Reader) Statements(ctx context.Context, limit int) ([]Statement, error) {
	db, err := r.any()
	if err != nil {
		return nil, err
	}
	services, schemas := r.services()
	// Times are in picoseconds.
	statements, err := database.Collect(ctx, db, func(row database.Scanner) (s Statement, err error) {
		var schema string
		err = row.Scan(&schema, &s.Text, &s.Count, &s.Total, &s.Max, &s.Errors, &s.RowsRead)
		s.Service = services[schema]
		return s, err
	}, `
		SELECT schema_name, digest_text, count_star, sum_timer_wait DIV 1000, max_timer_wait DIV 1000, sum_errors, sum_rows_examined
		FROM performance_schema.events_statements_summary_by_digest
		WHERE schema_name IN (`+database.Placeholders(len(schemas))+`) AND digest_text IS NOT NULL
		ORDER BY sum_timer_wait DESC
		LIMIT ?`, append(database.Args(schemas), limit)...)
	if err != nil {
		return nil, fmt.Errorf("read the statements: %w", err)
	}
	return statements, nil
}

// services returns the service of each schema, and the schemas in order.
func (r *Reader) services() (services map[string]string, schemas []string) {
	services = map[string]string{}
	for service, schema := range r.schemas {
		services[schema] = service
	}
	return services, slices.Sorted(maps.Keys(services))
}

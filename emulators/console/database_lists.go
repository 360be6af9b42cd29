package console

import (
	"cmp"
	"context"
	"slices"
	"time"

	"souk/emulators/console/dbstats"
)

// tableList are the tables of all services.
type tableList struct {
	Error string
	Rows  []tableRow
}

type tableRow struct {
	dbstats.Table

	Count, Data, Index, Width string
}

func (c *Console) listTables(ctx context.Context) tableList {
	tables, err := c.databases.Tables(ctx)
	list, largest := tableList{}, int64(1)
	if err != nil {
		list.Error = err.Error()
	}
	for _, t := range tables {
		largest = max(largest, t.DataBytes+t.IndexBytes)
	}
	slices.SortStableFunc(tables, func(a, b dbstats.Table) int {
		return cmp.Compare(b.DataBytes+b.IndexBytes, a.DataBytes+a.IndexBytes)
	})
	for _, t := range tables {
		list.Rows = append(list.Rows, tableRow{
			Table: t, Count: formatCount(t.Rows), Data: formatBytes(t.DataBytes), Index: formatBytes(t.IndexBytes),
			Width: percent(time.Duration(t.DataBytes+t.IndexBytes), time.Duration(largest)),
		})
	}
	return list
}

// statementList are the statements with the most total time.
type statementList struct {
	Error string
	// Source describes where the numbers are from.
	Source string
	Rows   []statementRow
}

type statementRow struct {
	Service, Text, Count, Total, Mean, Max, Width string
	Errors                                        int64
}

func newStatementRow(service, text string, count, failed int64, total, longest, most time.Duration) statementRow {
	return statementRow{
		Service: service, Text: text, Count: formatCount(count), Total: formatDuration(total),
		Mean: formatDuration(total / time.Duration(max(count, 1))), Max: formatDuration(longest), Width: percent(total, most), Errors: failed,
	}
}

// listStatements reads the statements from the server, or from the traces if it does not
// count them.
func (c *Console) listStatements(ctx context.Context, counted bool) statementList {
	list := statementList{}
	if counted {
		list.Source = "since the server started, as the server measures them"
		statements, err := c.databases.Statements(ctx, maxStatements)
		if err != nil {
			list.Error = err.Error()
		}
		for _, s := range statements {
			list.Rows = append(list.Rows, newStatementRow(s.Service, s.Text, s.Count, s.Errors, s.Total, s.Max, statements[0].Total))
		}
		return list
	}
	list.Source = "in the recorded traces, as functions measure them: performance_schema is off on this server"
	if c.options.Traces == nil {
		return list
	}
	statements := c.options.Traces.Statements(maxStatements)
	for _, s := range statements {
		list.Rows = append(list.Rows, newStatementRow(s.Service, s.Text, s.Count, s.Errors, s.Total, s.Max, statements[0].Total))
	}
	return list
}

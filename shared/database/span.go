package database

import (
	"context"
	"database/sql/driver"
	"errors"
	"strconv"
	"strings"

	"github.com/go-sql-driver/mysql"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"souk/shared/telemetry"
)

// statementTable matches the first table of a statement.
var statementTable = lazyPattern(`(?i)\b(?:FROM|INTO|UPDATE|JOIN)\s+([a-z_]+)`)

// startStatement starts the span of a statement, if ctx's request is sampled. The span has
// the statement with its placeholders: the driver inserts the arguments below this package.
func startStatement(ctx context.Context, query string) (context.Context, telemetry.Span) {
	if !telemetry.Recording(ctx) {
		return ctx, telemetry.Span{}
	}
	text := statementText(query)
	operation, _, _ := strings.Cut(text, " ")
	name := operation
	if table := statementTable().FindStringSubmatch(text); table != nil {
		name += " " + table[1]
	}
	return telemetry.Start(ctx, name, trace.SpanKindClient,
		semconv.DBSystemNameMySQL, semconv.DBOperationName(operation), semconv.DBQueryText(text))
}

// placeholders matches the second and further placeholders of a list, and rows the second and
// further rows of an INSERT.
var (
	placeholders = lazyPattern(`\?(?:, ?\?)+`)
	rows         = lazyPattern(`(\(\?[^()]*\))(?:, ?\(\?[^()]*\))+`)
)

// statementText returns a statement on one line. Lists of placeholders and of rows are
// shortened, so that statements that differ only in their number are the same.
func statementText(query string) string {
	text := strings.Join(strings.Fields(query), " ")
	text = placeholders().ReplaceAllString(text, "?, …")
	return rows().ReplaceAllString(text, "$1, …")
}

// endStatement ends the span of a statement. Of an error it records the server's number: the
// text may have values.
func endStatement(span telemetry.Span, err error) {
	if server, ok := errors.AsType[*mysql.MySQLError](err); ok {
		span.Set(semconv.DBResponseStatusCode(strconv.Itoa(int(server.Number))))
	}
	span.End(err)
}

// startTransaction starts the span of a transaction and all its tries.
func startTransaction(ctx context.Context) (context.Context, telemetry.Span) {
	return telemetry.Start(ctx, "transaction", trace.SpanKindInternal)
}

// retried records that a transaction is tried again.
func retried(ctx context.Context, err error) {
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	reason := telemetry.ErrorType(err)
	switch server, ok := errors.AsType[*mysql.MySQLError](err); {
	case ok:
		reason = strconv.Itoa(int(server.Number))
	case errors.Is(err, driver.ErrBadConn):
		reason = "connection lost"
	}
	span.AddEvent("retry", trace.WithAttributes(semconv.ErrorTypeKey.String(reason)))
}

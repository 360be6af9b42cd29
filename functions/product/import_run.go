package product

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"

	"souk/functions/product/internal/feed"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/function"
)

const (
	// importBatch is the maximum number of lines in one transaction, and
	// importBatchBytes of their bytes. Decoded, they take several times as much memory.
	importBatch      = 200
	importBatchBytes = 1 << 20
	// maxImportLines bounds the report, which has a few hundred bytes per line.
	maxImportLines = 50_000
	// maxDetailedReport is the size of the report in bytes from which a failed line is
	// reported with its first error only.
	maxDetailedReport = 8 << 20
)

// importRun is one import in progress.
type importRun struct {
	*service
	reader  feed.Reader
	source  importSource
	batch   []importLine
	results []LineResult // of the batch, and of the failed lines in between
	report  bytes.Buffer // the earlier results, as lines of JSON
	summary ImportSummary
	lines   int
	bytes   int // the total size of the batch's lines
}

// readAll reads and imports all lines.
func (run *importRun) readAll(ctx context.Context) {
	for run.summary.Stopped == "" {
		line, err := run.reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			run.summary.Stopped = readErrorMessage(err)
			break
		}
		if run.lines++; run.lines > maxImportLines {
			run.summary.Stopped = fmt.Sprintf("an import may have at most %d lines: send the remaining lines in another import", maxImportLines)
			break
		}
		run.addLine(ctx, line)
	}
	run.flush(ctx)
}

// readErrorMessage returns the reason why the file could not be read to its end.
func readErrorMessage(err error) string {
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return fmt.Sprintf("an import may have at most %d bytes: send the remaining lines in another import", tooLong.Limit)
	}
	return "the request ended before the file was complete: send the file again"
}

// addLine adds a line to the batch, or its errors to the results.
func (run *importRun) addLine(ctx context.Context, line feed.Line) {
	r, errs := parseRecord(line)
	if len(errs) > 0 {
		run.results = append(run.results, failed(line.Number, line.SKU, errs...))
		if len(run.results) >= importBatch {
			run.flush(ctx) // errors take more memory than their lines in the report
		}
		return
	}
	sameProduct := func(other importLine) bool { return other.key() == r.key() }
	if len(run.batch) >= importBatch || run.bytes >= importBatchBytes || slices.ContainsFunc(run.batch, sameProduct) {
		run.flush(ctx)
	}
	run.batch = append(run.batch, importLine{number: line.Number, record: r})
	run.bytes += line.Bytes
}

// flush stores the batch and adds its results to the report, with those of the failed
// lines in between, in the order of the file.
func (run *importRun) flush(ctx context.Context) {
	select {
	case <-function.Stopping(ctx):
		run.stop("the server is stopping")
	case <-ctx.Done():
		run.stop("the request timed out")
	default:
		run.writeBatch(ctx)
	}
	slices.SortFunc(run.results, func(a, b LineResult) int { return a.Line - b.Line })
	for _, result := range run.results {
		run.addResult(result)
	}
	run.batch, run.results, run.bytes = run.batch[:0], run.results[:0], 0
}

// stop ends the import and discards the batch. The file can be sent again; a file with
// a stockDelta needs the same importId for that.
func (run *importRun) stop(reason string) {
	run.summary.Stopped = reason + ": send the file again, with the same importId if it has a stockDelta; lines that were imported are not applied twice"
	run.batch = nil
}

// writeBatch stores the batch in one transaction or, if that fails, each line in its
// own, so that one line that cannot be stored does not affect the others.
func (run *importRun) writeBatch(ctx context.Context) {
	if len(run.batch) == 0 {
		return
	}
	results, err := run.upsertLines(ctx, run.batch)
	if err == nil {
		run.results = append(run.results, results...)
		return
	}
	slog.WarnContext(ctx, "cannot import batch; retrying its lines one by one", "lines", len(run.batch), "error", err)
	for _, line := range run.batch {
		results, err := run.upsertLines(ctx, []importLine{line})
		switch {
		case err == nil:
			run.results = append(run.results, results...)
		case ctx.Err() != nil || database.IsUnavailable(err) || run.DB.PingContext(ctx) != nil:
			run.stop("the database does not respond")
			return
		default:
			slog.ErrorContext(ctx, "cannot import line", "line", line.number, "error", err)
			run.results = append(run.results, failed(line.number, line.SKU, api.FieldError{Location: "line", Code: api.CodeInternal, Message: "could not be stored because of an internal error: send the line again later"}))
		}
	}
}

// upsertLines creates or updates the products of lines in one transaction.
func (run *importRun) upsertLines(ctx context.Context, lines []importLine) (results []LineResult, err error) {
	err = run.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		results, err = run.upsert(ctx, tx, lines, run.source)
		return err
	})
	return results, err
}

// addResult adds a result to the report and the summary.
func (run *importRun) addResult(result LineResult) {
	switch result.Outcome {
	case LineCreated:
		run.summary.Created++
	case LineUpdated:
		run.summary.Updated++
	case LineUnchanged:
		run.summary.Unchanged++
	case LineFailed:
		run.summary.Failed++
	}
	if result.stockIgnored {
		run.summary.StockIgnored++
	}
	if result.deltaRepeated {
		run.summary.StockDeltaRepeated++
	}
	if run.report.Len() > maxDetailedReport {
		result.Errors = result.Errors[:min(len(result.Errors), 1)]
	}
	// Neither writing to a buffer nor encoding a result can fail.
	_ = json.NewEncoder(&run.report).Encode(result)
}

// respond writes the report and the summary.
func (run *importRun) respond(w io.Writer) error {
	if _, err := run.report.WriteTo(w); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(map[string]ImportSummary{"summary": run.summary})
}

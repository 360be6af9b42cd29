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

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/function"
)

const (
	// importBatch is how many lines are one transaction, and importBatchBytes how long
	// they may be together: decoded, they take some times as much.
	importBatch      = 200
	importBatchBytes = 1 << 20
	// maxImportLines bounds the report: some hundred bytes a line.
	maxImportLines = 50_000
	// maxDetailedReport is how many bytes the report may have before a failed line
	// adds only its first error.
	maxDetailedReport = 8 << 20
)

// importRun is one import in progress.
type importRun struct {
	*service
	reader  catalogReader
	source  importSource
	batch   []importLine
	results []LineResult // of the batch, and of the failed lines in between
	report  bytes.Buffer // the earlier results, as lines of JSON
	summary ImportSummary
	lines   int
	bytes   int // of the lines of the batch
}

func (run *importRun) all(ctx context.Context) {
	for run.summary.Stopped == "" {
		line, err := run.reader.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			run.summary.Stopped = unreadable(err)
			break
		}
		if run.lines++; run.lines > maxImportLines {
			run.summary.Stopped = fmt.Sprintf("an import may have at most %d lines: send the others in another", maxImportLines)
			break
		}
		run.line(ctx, line)
	}
	run.flush(ctx)
}

func unreadable(err error) string {
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return fmt.Sprintf("an import may have at most %d bytes: send the others in another", tooLong.Limit)
	}
	return "the end of the file did not arrive"
}

// line adds a line to the batch, or its errors to the results.
func (run *importRun) line(ctx context.Context, line fileLine) {
	r, errs := parseRecord(line)
	if len(errs) > 0 {
		run.results = append(run.results, failed(line.number, line.sku, errs...))
		if len(run.results) >= importBatch {
			run.flush(ctx) // errors take more memory than their lines of the report
		}
		return
	}
	same := func(other importLine) bool { return other.key() == r.key() }
	if len(run.batch) >= importBatch || run.bytes >= importBatchBytes || slices.ContainsFunc(run.batch, same) {
		run.flush(ctx)
	}
	run.batch = append(run.batch, importLine{number: line.number, record: r})
	run.bytes += line.bytes
}

// flush writes the batch and reports its results, and those of the failed lines in
// between, in the order of the file.
func (run *importRun) flush(ctx context.Context) {
	select {
	case <-function.Stopping(ctx):
		run.stop("the server is stopping")
	case <-ctx.Done():
		run.stop("the request took too long")
	default:
		run.write(ctx)
	}
	slices.SortFunc(run.results, func(a, b LineResult) int { return a.Line - b.Line })
	for _, result := range run.results {
		run.add(result)
	}
	run.batch, run.results, run.bytes = run.batch[:0], run.results[:0], 0
}

// stop leaves the batch unwritten. The file can be sent again; only a stockDelta
// needs an importId for that.
func (run *importRun) stop(why string) {
	run.summary.Stopped = why + ": send the file again, with the same importId if it has a stockDelta; what is done is not done twice"
	run.batch = nil
}

// write writes the batch in one transaction or, if that fails, each line in its own,
// so that one line that cannot be written does not affect the others.
func (run *importRun) write(ctx context.Context) {
	if len(run.batch) == 0 {
		return
	}
	results, err := run.try(ctx, run.batch)
	if err == nil {
		run.results = append(run.results, results...)
		return
	}
	slog.WarnContext(ctx, "a batch of an import failed; its lines are tried one by one", "lines", len(run.batch), "error", err)
	for _, line := range run.batch {
		results, err := run.try(ctx, []importLine{line})
		switch {
		case err == nil:
			run.results = append(run.results, results...)
		case ctx.Err() != nil || database.IsUnavailable(err) || run.DB.PingContext(ctx) != nil:
			run.stop("the database does not respond")
			return
		default:
			slog.ErrorContext(ctx, "a line of an import failed", "line", line.number, "error", err)
			run.results = append(run.results, failed(line.number, line.SKU, api.FieldError{Location: "line", Code: api.CodeInternal, Message: "could not be stored"}))
		}
	}
}

func (run *importRun) try(ctx context.Context, lines []importLine) (results []LineResult, err error) {
	err = run.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		results, err = run.upsert(ctx, tx, lines, run.source)
		return err
	})
	return results, err
}

// add adds a result to the report and the summary.
func (run *importRun) add(result LineResult) {
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
	// A buffer accepts everything, and a result is always JSON.
	_ = json.NewEncoder(&run.report).Encode(result)
}

func (run *importRun) respond(w io.Writer) error {
	if _, err := run.report.WriteTo(w); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(map[string]ImportSummary{"summary": run.summary})
}

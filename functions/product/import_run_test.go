package product

import (
	"encoding/json"
	"strings"
	"testing"

	"souk/functions/product/internal/feed"
	"souk/shared/api"
)

// TestReportBound adds lines with many errors to a report. When the report is long, each
// line adds only one error, so that a file of such lines cannot exhaust the memory.
func TestReportBound(t *testing.T) {
	t.Parallel()
	errs := make([]api.FieldError, feed.MaxLineErrors)
	for i := range errs {
		errs[i] = api.FieldError{Location: strings.Repeat("x", maxLocation), Code: api.FieldUnknown, Message: "unknown field"}
	}
	run := importRun{}
	for line := range maxImportLines {
		run.addResult(failed(line+1, strings.Repeat("S", maxReportedSKU), errs...))
	}
	const maxReport = maxDetailedReport + maxImportLines*400
	if got := run.report.Len(); got < maxDetailedReport || got > maxReport {
		t.Errorf("the report has %d bytes, want %d to %d", got, maxDetailedReport, maxReport)
	}
	lines := strings.Split(strings.TrimSpace(run.report.String()), "\n")
	if len(lines) != maxImportLines || run.summary.Failed != maxImportLines {
		t.Fatalf("%d lines, %d failed, want %d", len(lines), run.summary.Failed, maxImportLines)
	}
	for index, want := range map[int]int{0: feed.MaxLineErrors, maxImportLines - 1: 1} {
		var result LineResult
		if err := json.Unmarshal([]byte(lines[index]), &result); err != nil {
			t.Fatal(err)
		}
		if len(result.Errors) != want || result.SKU == "" {
			t.Errorf("line %d has %d errors of %q, want %d", index+1, len(result.Errors), result.SKU, want)
		}
	}
}

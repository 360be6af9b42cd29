package product

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/function"
)

// Media types of a catalogue.
const (
	ndjsonType = "application/x-ndjson"
	csvType    = "text/csv"
)

const (
	// importBatch is how many lines are one transaction.
	importBatch = 200
	// maxImportLines bounds what is kept to be answered: some hundred bytes a line.
	maxImportLines = 50_000
)

type importInput struct {
	ContentType string `header:"Content-Type" required:"true" doc:"application/x-ndjson or text/csv." example:"application/x-ndjson"`
}

type importOutput struct {
	Body func(huma.Context)
}

// ImportSummary is the last line of an import's answer.
type ImportSummary struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed"`
	// Stopped says why lines after the last one told of were not looked at.
	Stopped string `json:"stopped,omitempty"`
}

// importProducts makes the catalogue what a file says, line by line. Products of a
// SKU that is there are changed, others made. A line that is bad spoils no other.
//
// The file is not held; what came of each line is, and is answered at the end: of
// HTTP/1 not every proxy lets an answer begin before the request has ended.
func (s *service) importProducts(_ context.Context, in *importInput) (*importOutput, error) {
	mediaType, _, err := mime.ParseMediaType(in.ContentType)
	if err != nil || mediaType != ndjsonType && mediaType != csvType {
		return nil, api.NewProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "Send %s or %s.", ndjsonType, csvType)
	}
	return &importOutput{Body: func(ctx huma.Context) {
		lines := newLineReader(ctx.BodyReader())
		run := &importing{service: s, reader: ndjsonReader{lines}}
		if mediaType == csvType {
			if run.reader, err = newCSVReader(lines); err != nil {
				run.summary.Stopped = err.Error()
			}
		}
		if run.summary.Stopped == "" {
			run.all(ctx.Context())
		}
		ctx.SetHeader("Content-Type", ndjsonType)
		if err := run.answer(ctx.BodyWriter()); err != nil {
			slog.InfoContext(ctx.Context(), "the client left before its answer", "error", err)
		}
	}}, nil
}

// importBody tells what huma cannot see: the body is read by the function itself.
func importBody(operation *huma.Operation) {
	operation.RequestBody = &huma.RequestBody{Required: true, Content: catalogContent()}
	operation.Responses = map[string]*huma.Response{"200": {
		Description: "A line of JSON for each line of the file that holds a product, and a last one that sums up.",
		Content:     map[string]*huma.MediaType{ndjsonType: {Schema: &huma.Schema{Type: huma.TypeString}, Example: importExample}},
	}}
}

const importExample = `{"line":1,"sku":"TEA-ASSAM-250","outcome":"created"}
{"summary":{"created":1,"updated":0,"unchanged":0,"failed":0}}
`

// catalogContent is a catalogue as it is imported and exported.
func catalogContent() map[string]*huma.MediaType {
	text := &huma.Schema{Type: huma.TypeString}
	return map[string]*huma.MediaType{ndjsonType: {Schema: text, Example: ndjsonExample}, csvType: {Schema: text, Example: csvExample}}
}

const (
	ndjsonExample = `{"sku":"TEA-ASSAM-250","name":"Assam, 250 g","category":"tea","price":{"amount":1299,"currency":"EUR"},"stock":50}
`
	csvExample = `sku,name,category,price,currency,stock
TEA-ASSAM-250,"Assam, 250 g",tea,1299,EUR,50
`
)

// importing is one import under way.
type importing struct {
	*service
	reader  catalogReader
	by      uuid.UUID
	batch   []importLine
	results []LineResult // of the batch, and of the bad lines in between
	told    bytes.Buffer // the results so far, as lines of JSON
	summary ImportSummary
	lines   int
}

func (run *importing) all(ctx context.Context) {
	admin, _ := auth.PrincipalFrom(ctx)
	run.by = admin.UserID
	for run.summary.Stopped == "" {
		number, text, err := run.reader.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if fatal := (fatalError{}); errors.As(err, &fatal) {
			run.summary.Stopped = unreadable(fatal)
			break
		}
		if run.lines++; run.lines > maxImportLines {
			run.summary.Stopped = fmt.Sprintf("an import may have at most %d lines: send the rest in another", maxImportLines)
			break
		}
		run.line(ctx, number, text, err)
	}
	run.flush(ctx)
}

func unreadable(err error) string {
	if tooLong := (*http.MaxBytesError)(nil); errors.As(err, &tooLong) {
		return fmt.Sprintf("an import may have at most %d bytes: send the rest in another", tooLong.Limit)
	}
	return "the rest of the file did not arrive"
}

// line adds a line to the batch, or notes that it is bad.
func (run *importing) line(ctx context.Context, number int, text []byte, err error) {
	if err != nil {
		run.results = append(run.results, failed(number, "", api.FieldError{Location: "line", Code: api.FieldSyntax, Message: err.Error()}))
		return
	}
	r, faults := parseRecord(text)
	if faults != nil {
		run.results = append(run.results, failed(number, r.SKU, faults...))
		return
	}
	same := func(other importLine) bool { return other.key() == r.key() }
	if len(run.batch) >= importBatch || slices.ContainsFunc(run.batch, same) {
		run.flush(ctx)
	}
	run.batch = append(run.batch, importLine{number: number, record: r})
}

// flush writes the batch and tells its results, and those of the bad lines that
// stood between, in the order of the file.
func (run *importing) flush(ctx context.Context) {
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
		run.tell(result)
	}
	run.batch, run.results = run.batch[:0], run.results[:0]
}

// stop leaves the batch unwritten: to send the file again is no harm.
func (run *importing) stop(why string) {
	run.summary.Stopped = why + ": send the file again, what is done will not be done twice"
	run.batch = nil
}

// write writes the batch in one transaction or, when that cannot be, each line in
// its own, so that the one that is at fault spoils no other.
func (run *importing) write(ctx context.Context) {
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
			run.stop("the database does not answer")
			return
		default:
			slog.ErrorContext(ctx, "a line of an import failed", "line", line.number, "error", err)
			run.results = append(run.results, failed(line.number, line.SKU, api.FieldError{Location: "line", Code: api.CodeInternal, Message: "could not be stored"}))
		}
	}
}

func (run *importing) try(ctx context.Context, lines []importLine) (results []LineResult, err error) {
	err = run.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		results, err = run.upsert(ctx, tx, lines, run.by)
		return err
	})
	return results, err
}

func (run *importing) tell(result LineResult) {
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
	// A buffer takes everything, and a result is always JSON.
	_ = json.NewEncoder(&run.told).Encode(result)
}

func (run *importing) answer(w io.Writer) error {
	if _, err := run.told.WriteTo(w); err != nil {
		return err
	}
	return json.NewEncoder(w).Encode(map[string]ImportSummary{"summary": run.summary})
}

package product

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/functions/product/internal/feed"
	"souk/shared/api"
	"souk/shared/auth"
)

// Media types of a catalogue.
const (
	ndjsonType = "application/x-ndjson"
	csvType    = "text/csv"
)

type importInput struct {
	ContentType string `header:"Content-Type" required:"true" doc:"application/x-ndjson or text/csv." example:"application/x-ndjson"`
	ImportID    string `query:"importId" format:"uuid" doc:"An id of the file that the client chooses, such as a random UUID. If the file is sent again with the same id, no stockDelta is applied twice." example:"0199c0de-0000-7000-8000-00000000f11e"`

	body io.Reader
}

// Resolve implements huma.Resolver. It stores the body, which huma does not read.
func (in *importInput) Resolve(ctx huma.Context) []error {
	in.body = ctx.BodyReader()
	return nil
}

type importOutput struct {
	Body func(huma.Context)
}

// ImportSummary is the last line of an import's response.
type ImportSummary struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Failed    int `json:"failed"`
	// StockIgnored counts the lines whose stock was ignored because their products
	// exist.
	StockIgnored int `json:"stockIgnored"`
	// StockDeltaRepeated counts the lines whose stockDelta was applied by an earlier
	// request with the same importId.
	StockDeltaRepeated int `json:"stockDeltaRepeated"`
	// Stopped is the reason why the lines after the last reported one were not read.
	Stopped string `json:"stopped,omitempty"`
}

// importProducts handles POST /v1/products/import. The file is processed as it arrives.
// The results of its lines are buffered and sent at the end, because not every HTTP/1
// proxy lets a response begin before the request has ended.
//
// # Import products
//
// Each line updates the product of its SKU or creates one. A line that fails changes
// nothing and does not affect others. A missing field or column leaves its value
// unchanged. An empty cell, or null, clears description, category, images, attributes
// and lowStockAt, and is an error elsewhere; an empty currency, stock or stockDelta counts
// as missing. A price without a currency is in the product's, for a new product in the
// shop's; the currency of a product cannot change. stock is the initial stock
// of a product that the line creates; it is ignored, and counted in stockIgnored, if the
// product exists. stockDelta adds to the stock, or removes from it, and fails if less
// is available. available, a column of the export, is ignored. Files are UTF-8,
// optionally with Content-Encoding: gzip.
func (s *service) importProducts(ctx context.Context, in *importInput) (*importOutput, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	reader, err := in.reader()
	if err != nil {
		return nil, err
	}
	caller, _ := auth.PrincipalFrom(ctx)
	run := &importRun{service: s, reader: reader, source: importSource{id: id, by: caller.ID()}}
	return &importOutput{Body: func(ctx huma.Context) {
		run.readAll(ctx.Context())
		ctx.SetHeader("Content-Type", ndjsonType)
		if err := run.respond(ctx.BodyWriter()); err != nil {
			slog.InfoContext(ctx.Context(), "client disconnected before the response", "error", err)
		}
	}}, nil
}

// id returns the import's id: the client's, or a new one. A batch whose commit is in
// doubt is retried line by line, and the id prevents that it moves stock twice.
func (in *importInput) id() (uuid.UUID, error) {
	if in.ImportID != "" {
		id, err := uuid.Parse(in.ImportID)
		if err != nil {
			return id, api.Invalid("query.importId", api.FieldFormat, "must be a UUID")
		}
		return id, nil
	}
	id, err := uuid.NewV7()
	if err != nil {
		return id, fmt.Errorf("create an import id: %w", err)
	}
	return id, nil
}

// reader returns a reader of the file's products. It has read the header of a CSV file.
func (in *importInput) reader() (feed.Reader, error) {
	mediaType, params, err := mime.ParseMediaType(in.ContentType)
	charset := strings.ToLower(params["charset"])
	if err != nil || mediaType != ndjsonType && mediaType != csvType || charset != "" && charset != "utf-8" {
		return nil, api.NewProblem(http.StatusUnsupportedMediaType, "unsupported_media_type", "The Content-Type must be %s or %s, in UTF-8.", ndjsonType, csvType)
	}
	if mediaType == csvType {
		return catalogFormat().NewCSVReader(in.body)
	}
	return feed.NewNDJSONReader(in.body), nil
}

// importBody documents the bodies, which the handler reads and writes without huma.
func importBody(operation *huma.Operation) {
	operation.RequestBody = &huma.RequestBody{Required: true, Content: catalogContent(ndjsonExample, csvExample)}
	operation.Responses = map[string]*huma.Response{"200": {
		Description: "One line of JSON for each product of the file, and a last line with the summary.",
		Content:     map[string]*huma.MediaType{ndjsonType: {Schema: &huma.Schema{Type: huma.TypeString}, Example: importExample}},
	}}
}

const importExample = `{"line":1,"sku":"TEA-ASSAM-250","outcome":"created"}
{"line":2,"sku":"TEA-SENCHA-100","outcome":"failed","errors":[{"location":"price.amount","code":"out_of_range","message":"must be 0 or more"}]}
{"summary":{"created":1,"updated":0,"unchanged":0,"failed":1,"stockIgnored":0,"stockDeltaRepeated":0}}
`

// catalogContent returns the content of a catalogue in both formats.
func catalogContent(ndjson, csv string) map[string]*huma.MediaType {
	text := &huma.Schema{Type: huma.TypeString}
	return map[string]*huma.MediaType{ndjsonType: {Schema: text, Example: ndjson}, csvType: {Schema: text, Example: csv}}
}

const (
	ndjsonExample = `{"sku":"TEA-ASSAM-250","name":"Assam, 250 g","category":"tea","price":{"amount":1299,"currency":"EUR"},"stock":50}
{"sku":"TEA-SENCHA-100","stockDelta":25}
`
	csvExample = `sku,name,category,price,currency,stock
TEA-ASSAM-250,"Assam, 250 g",tea,1299,EUR,50
`
)

package product

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

// exportBatch is how many products are read at a time.
const exportBatch = 500

type exportInput struct {
	Format string `query:"format" enum:"ndjson,csv" default:"ndjson" doc:"A line of JSON a product, or CSV with a heading."`
}

// exportProducts writes the whole catalogue, archived products too, oldest first,
// in the form that product-import takes.
//
// It holds some hundred products at a time.
func (s *service) exportProducts(ctx context.Context, in *exportInput) (*importOutput, error) {
	// Before the response begins: afterwards an error can only break it off.
	first, err := selectCatalog(ctx, s.DB, uuid.Nil, exportBatch)
	if err != nil {
		return nil, fmt.Errorf("read the first products: %w", err)
	}
	return &importOutput{Body: func(ctx huma.Context) {
		mediaType, write := ndjsonType, writeNDJSON
		if in.Format == "csv" {
			mediaType, write = csvType+"; charset=utf-8", writeCSV
		}
		ctx.SetHeader("Content-Type", mediaType)
		ctx.SetHeader("Content-Disposition", `attachment; filename="products.`+in.Format+`"`)
		if err := s.export(ctx.Context(), ctx.BodyWriter(), first, write); err != nil {
			// Half a catalogue must not look like a whole one.
			slog.ErrorContext(ctx.Context(), "the export broke off", "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// exportAnswer tells what huma cannot see: the answer is written by the function.
func exportAnswer(operation *huma.Operation) {
	operation.Responses = map[string]*huma.Response{"200": {
		Description: "The catalogue, as product-import takes it.",
		Content:     catalogContent(),
	}}
}

// export writes products and all that follow them.
func (s *service) export(ctx context.Context, w io.Writer, products []Product, write func(w io.Writer, first bool, products []Product) error) error {
	after := uuid.Nil
	for {
		if err := write(w, after == uuid.Nil, products); err != nil {
			return fmt.Errorf("write products after %s: %w", after, err)
		}
		if len(products) < exportBatch {
			return nil
		}
		after = products[len(products)-1].ID
		var err error
		if products, err = selectCatalog(ctx, s.DB, after, exportBatch); err != nil {
			return fmt.Errorf("read products after %s: %w", after, err)
		}
	}
}

func writeNDJSON(w io.Writer, _ bool, products []Product) error {
	encoder := json.NewEncoder(w)
	for i := range products {
		if err := encoder.Encode(recordOf(&products[i])); err != nil {
			return err
		}
	}
	return nil
}

func writeCSV(w io.Writer, first bool, products []Product) error {
	table := csv.NewWriter(w)
	if first {
		_ = table.Write(csvColumns) // its error stays: see Error below
	}
	for i := range products {
		p := &products[i]
		attributes := ""
		if len(p.Attributes) > 0 {
			text, err := json.Marshal(p.Attributes)
			if err != nil {
				return err
			}
			attributes = string(text)
		}
		_ = table.Write([]string{
			p.SKU, p.Name, p.Description, p.Category, strconv.FormatInt(p.Price.Amount, 10), p.Price.Currency,
			strconv.FormatInt(p.Available, 10), string(p.Status), strings.Join(p.Images, " "), attributes,
		})
	}
	table.Flush()
	return table.Error()
}

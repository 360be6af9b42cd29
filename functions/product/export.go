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

	"souk/shared/money"
)

// exportBatch is how many products are read at a time: each has up to 256 KiB.
const exportBatch = 100

type exportInput struct {
	Format string `query:"format" enum:"ndjson,csv" default:"ndjson" doc:"ndjson: a line of JSON for each product. csv: a header and a row for each product."`
}

// export handles GET /v1/products/export. It has some hundred products in memory at a
// time.
//
// # Export the catalogue
//
// Oldest first, archived products included. The format is the one that the import
// reads. An import of the file restores everything but the stock, which is in available
// for information.
func (s *service) export(ctx context.Context, in *exportInput) (*importOutput, error) {
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
		if err := s.writeExport(ctx.Context(), ctx.BodyWriter(), first, write); err != nil {
			// A part of a catalogue must not look complete.
			slog.ErrorContext(ctx.Context(), "the export failed", "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// exportBody documents what huma cannot see: the function writes the body itself.
func exportBody(operation *huma.Operation) {
	operation.Responses = map[string]*huma.Response{"200": {
		Description: "The catalogue, as product-import reads it.",
		Content:     catalogContent(exportedNDJSON, exportedCSV),
	}}
}

const (
	exportedNDJSON = `{"sku":"TEA-ASSAM-250","name":"Assam, 250 g","description":"A strong black tea.","category":"tea","price":{"amount":1299,"currency":"EUR"},"available":50,"status":"active","images":[],"attributes":{}}
`
	exportedCSV = `sku,name,description,category,price,currency,available,status,images,attributes
TEA-ASSAM-250,"Assam, 250 g",A strong black tea.,tea,1299,EUR,50,active,,
`
)

// writeExport writes products and all that follow them.
func (s *service) writeExport(ctx context.Context, w io.Writer, products []Product, write func(w io.Writer, first bool, products []Product) error) error {
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

// exportedProduct is a product in an export. Empty fields are there, so that an
// import sets them.
type exportedProduct struct {
	SKU         string      `json:"sku"`
	Name        string      `json:"name"`
	Description string      `json:"description"`
	Category    string      `json:"category"`
	Price       money.Money `json:"price"`
	Available   int64       `json:"available"` // an import ignores it
	Status      Status      `json:"status"`
	Images      Images      `json:"images"`
	Attributes  Attributes  `json:"attributes"`
}

func writeNDJSON(w io.Writer, _ bool, products []Product) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // so that no line is longer than an import reads
	for i := range products {
		p := &products[i]
		err := encoder.Encode(exportedProduct{
			SKU: p.SKU, Name: p.Name, Description: p.Description, Category: p.Category, Price: p.Price, Available: p.Available,
			Status: p.Status, Images: p.Images.orNone(), Attributes: p.Attributes.orNone(),
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// exportColumns are the columns of an export as CSV.
var exportColumns = []string{"sku", "name", "description", "category", "price", "currency", availableColumn, "status", "images", "attributes"}

func writeCSV(w io.Writer, first bool, products []Product) error {
	table := csv.NewWriter(w)
	if first {
		_ = table.Write(exportColumns) // its error remains: see Error below
	}
	for i := range products {
		p := &products[i]
		attributes, err := attributesCell(p.Attributes)
		if err != nil {
			return err
		}
		_ = table.Write([]string{
			p.SKU, p.Name, p.Description, p.Category, strconv.FormatInt(p.Price.Amount, 10), p.Price.Currency,
			strconv.FormatInt(p.Available, 10), string(p.Status), strings.Join(p.Images, " "), attributes,
		})
	}
	table.Flush()
	return table.Error()
}

// attributesCell returns attributes as JSON, and none as the empty cell.
func attributesCell(attributes Attributes) (string, error) {
	if len(attributes) == 0 {
		return "", nil
	}
	var cell strings.Builder
	encoder := json.NewEncoder(&cell)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(attributes)
	return strings.TrimSuffix(cell.String(), "\n"), err
}

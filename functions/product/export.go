package product

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

// exportBatch is the number of products that are read at a time. Each has up to 256 KiB.
const exportBatch = 100

type exportInput struct {
	Format string `query:"format" enum:"ndjson,csv" default:"ndjson" doc:"The format of the file. ndjson has one line of JSON per product, csv a header and one row per product."`
}

// export handles GET /v1/products/export. Only one or two batches of products are in
// memory at a time.
//
// # Export the catalogue
//
// Oldest first, including archived products. The format is that of the import. Importing
// the file restores everything except the stock: the fields available, reserved and onHand
// are only for information.
func (s *service) export(ctx context.Context, in *exportInput) (*importOutput, error) {
	// Read before the response begins: later errors can only abort it.
	first, err := selectCatalog(ctx, s.DB, uuid.Nil, exportBatch)
	if err != nil {
		return nil, fmt.Errorf("read the first products: %w", err)
	}
	return &importOutput{Body: func(ctx huma.Context) {
		mediaType, write := ndjsonType, writeNDJSON
		if in.Format == "csv" {
			mediaType, write = csvType+"; charset=utf-8", catalogFormat().WriteCSV
		}
		ctx.SetHeader("Content-Type", mediaType)
		ctx.SetHeader("Content-Disposition", `attachment; filename="products.`+in.Format+`"`)
		if err := s.writeExport(ctx.Context(), ctx.BodyWriter(), first, write); err != nil {
			// Abort the connection, so that a partial export does not look complete.
			slog.ErrorContext(ctx.Context(), "export products", "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// exportBody documents the response's body, which the handler writes without huma.
func exportBody(operation *huma.Operation) {
	operation.Responses = map[string]*huma.Response{"200": {
		Description: "The catalogue, in the format that the import of products reads.",
		Content:     catalogContent(exportedNDJSON, exportedCSV),
	}}
}

const (
	exportedNDJSON = `{"sku":"TEA-ASSAM-250","name":"Assam, 250 g","description":"A strong black tea.","category":"tea","price":{"amount":1299,"currency":"EUR"},"taxClass":"reduced","weight":270,"available":50,"status":"active","images":[],"attributes":{},"lowStockAt":5,"reserved":3,"onHand":53}
`
	exportedCSV = `sku,name,description,category,price,currency,taxClass,weight,available,status,images,attributes,lowStockAt,reserved,onHand
TEA-ASSAM-250,"Assam, 250 g",A strong black tea.,tea,1299,EUR,reduced,270,50,active,,,5,3,53
`
)

// writeExport writes the given products and all products after them.
func (s *service) writeExport(ctx context.Context, w io.Writer, products []Product, write func(w io.Writer, first bool, products []StaffProduct) error) error {
	after := uuid.Nil
	for {
		if err := write(w, after == uuid.Nil, newStaffProducts(products)); err != nil {
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

func writeNDJSON(w io.Writer, _ bool, products []StaffProduct) error {
	return catalogFormat().WriteNDJSON(w, products)
}

package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/functions/payment/invoice"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
)

// The media types of documents.
const (
	jsonType = "application/json"
	pdfType  = "application/pdf"
)

type invoiceGetInput struct {
	ID     uuid.UUID `path:"id" format:"uuid"`
	Accept string    `header:"Accept" doc:"application/pdf for the file, otherwise JSON." example:"application/pdf"`
}

type invoiceGetOutput struct {
	ETag string `header:"ETag" doc:"The version and format of the document, which does not change." example:"\"1\""`
	Vary string `header:"Vary" doc:"The response depends on this header of the request." example:"Accept"`
	Body func(huma.Context)
}

// invoiceGet handles GET /v1/invoices/{id}.
//
// # Get an invoice
//
// An invoice or a credit note, as JSON or, with Accept: application/pdf, as the file that was
// mailed. It does not change after it was issued. Customers get those of their own orders, staff
// every one.
func (s *service) invoiceGet(ctx context.Context, in *invoiceGetInput) (*invoiceGetOutput, error) {
	document, err := selectInvoice(ctx, s.DB, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("invoice", in.ID)
	}
	if err != nil {
		return nil, err
	}
	visible, err := s.orderVisible(ctx, document.OrderID)
	if err != nil {
		return nil, err
	}
	if !visible {
		return nil, api.NotFound("invoice", in.ID)
	}
	if !acceptsPDF(in.Accept) {
		text, err := json.Marshal(document)
		if err != nil {
			return nil, fmt.Errorf("encode document %s: %w", in.ID, err)
		}
		return invoiceBody(jsonType, "", api.ETag(1), text), nil
	}
	pdf, err := selectInvoicePDF(ctx, s.DB, in.ID)
	if err != nil {
		return nil, err
	}
	return invoiceBody(pdfType, fileName(&document), `"1-pdf"`, pdf), nil
}

// orderVisible reports whether an order is stored and the caller may read it.
func (s *service) orderVisible(ctx context.Context, orderID uuid.UUID) (bool, error) {
	caller, _ := auth.PrincipalFrom(ctx)
	userID, err := database.Get(ctx, s.DB, database.ScanColumn[uuid.UUID], `
		SELECT user_id
		FROM order_copy
		WHERE order_id = ?`, orderID[:])
	if errors.Is(err, database.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read the customer of order %s: %w", orderID, err)
	}
	return caller.MayRead(userID, manifest.OrdersRead), nil
}

// invoiceBody returns a response.
func invoiceBody(mediaType, file, etag string, content []byte) *invoiceGetOutput {
	return &invoiceGetOutput{ETag: etag, Vary: "Accept", Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", mediaType)
		if file != "" {
			ctx.SetHeader("Content-Disposition", `inline; filename="`+file+`"`)
		}
		_, _ = ctx.BodyWriter().Write(content) // the client has gone
	}}
}

// fileName returns the name of a document's file, such as invoice-2026-000042.pdf.
func fileName(document *invoice.Document) string {
	return strings.ToLower(strings.ReplaceAll(string(document.Kind), "_", "-") + "-" + document.Number + ".pdf")
}

// acceptsPDF reports whether a client prefers the file to JSON.
func acceptsPDF(accept string) bool {
	pdf, other := 0.0, 0.0
	for part := range strings.SplitSeq(accept, ",") {
		mediaType, parameters, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		quality := 1.0
		if q, found := parameters["q"]; found {
			if quality, err = strconv.ParseFloat(q, 64); err != nil {
				continue
			}
		}
		switch mediaType {
		case pdfType:
			pdf = max(pdf, quality)
		case jsonType:
			other = max(other, quality)
		}
	}
	return pdf > 0 && pdf >= other
}

// invoiceContent documents the response's body, which the handler writes without huma.
func invoiceContent(operation *huma.Operation) {
	operation.Responses = map[string]*huma.Response{"200": {
		Description: "The document, in the format that the header Accept selects.",
		Content: map[string]*huma.MediaType{
			jsonType: {Schema: &huma.Schema{Ref: "#/components/schemas/Document"}}, // that of invoice-list
			pdfType:  {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
		},
	}}
}

package user

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

// exportBuffer is the number of bytes up to which an export is buffered until it is
// complete, about 2,500 orders. A longer export is sent while it is created.
const exportBuffer = 2 << 20

type exportInput struct {
	// Authorization is forwarded to the order service, which authorizes the caller.
	Authorization string `header:"Authorization" hidden:"true"`
}

type exportOutput struct {
	Body func(huma.Context)
}

// storedData is the data that this service stores about a user. It is the first part of
// an export.
type storedData struct {
	ExportedAt   time.Time           `json:"exportedAt"`
	Account      User                `json:"account"`
	Addresses    []Address           `json:"addresses"`
	Sessions     []login             `json:"sessions"`
	Networks     []familiarNetwork   `json:"networks"`
	EmailChanges []storedEmailChange `json:"emailChanges"`
	SecondFactor SecondFactor        `json:"secondFactor"`
	Tags         []string            `json:"tags"`
	Notes        []exportedNote      `json:"notes"`
	Trail        []exportedChange    `json:"trail"`
}

// exportedNote is a note on the account, without its author.
type exportedNote struct {
	Text      string    `json:"text"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// export handles GET /v1/users/me/export. The response is buffered until it is
// complete, unless it is very long; then a failure closes the connection, and what was
// sent by then is not valid JSON. An incomplete export never looks complete.
//
// # Export the caller's data
//
// Everything that the shop stores about the caller, as one JSON document.
func (s *service) export(ctx context.Context, in *exportInput) (*exportOutput, error) {
	caller, err := principal(ctx)
	if err != nil {
		return nil, err
	}
	data, err := s.readStoredData(ctx, caller.UserID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, accountDeleted()
	}
	if err != nil {
		return nil, fmt.Errorf("export user %s: %w", caller.UserID, err)
	}
	e := &export{pages: s.shop.orders(caller.UserID, in.Authorization)}
	var document bytes.Buffer
	if err = e.begin(&document, data); err != nil {
		return nil, fmt.Errorf("export user %s: %w", caller.UserID, err)
	}
	for e.pages.More && document.Len() < exportBuffer {
		if err := e.add(ctx, &document); err != nil {
			if errors.Is(err, errTokenRejected) {
				return nil, api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The access token is no longer valid. Sign in again: POST /v1/sessions.").
					WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
			}
			slog.ErrorContext(ctx, "read orders for an export", "error", err)
			return nil, api.Unavailable("Your orders cannot be read at the moment. Retry later.")
		}
	}
	return &exportOutput{Body: func(ctx huma.Context) {
		ctx.SetHeader("Content-Type", "application/json")
		ctx.SetHeader("Content-Disposition", `attachment; filename="souk-export.json"`)
		ctx.SetHeader("Cache-Control", "no-store")
		if err := e.send(ctx.Context(), ctx.BodyWriter(), &document); err != nil {
			slog.ErrorContext(ctx.Context(), "abort an incomplete export", "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

// readStoredData returns the data that this service stores about a user.
func (s *service) readStoredData(ctx context.Context, id uuid.UUID) (d storedData, err error) {
	d.ExportedAt = s.Now()
	account, err := selectListedUser(ctx, s.DB, id)
	if err != nil {
		return d, err
	}
	d.Account, d.Tags = account.User, append([]string{}, account.Tags...)
	if d.Addresses, err = selectAddresses(ctx, s.DB, id, uuid.Max, maxAddresses); err != nil {
		return d, fmt.Errorf("read addresses: %w", err)
	}
	if d.Sessions, err = selectLogins(ctx, s.DB, id, d.ExportedAt); err != nil {
		return d, fmt.Errorf("read logins: %w", err)
	}
	if d.Networks, err = selectNetworks(ctx, s.DB, id); err != nil {
		return d, fmt.Errorf("read networks: %w", err)
	}
	if d.EmailChanges, err = selectEmailChanges(ctx, s.DB, id); err != nil {
		return d, fmt.Errorf("read e-mail changes: %w", err)
	}
	if d.SecondFactor, err = s.readSecondFactor(ctx, id); err != nil {
		return d, fmt.Errorf("read the second factor: %w", err)
	}
	if d.Notes, err = readExportedNotes(ctx, s.DB, id); err != nil {
		return d, err
	}
	if d.Trail, err = readExportedTrail(ctx, s.DB, id); err != nil {
		return d, err
	}
	return d, nil
}

// readExportedNotes returns the notes on an account, newest first.
func readExportedNotes(ctx context.Context, q database.Queryer, id uuid.UUID) ([]exportedNote, error) {
	all, err := notes.All(ctx, q, id)
	if err != nil {
		return nil, err
	}
	exported := make([]exportedNote, len(all))
	for i, n := range all {
		exported[i] = exportedNote{n.Text, n.CreatedAt, n.UpdatedAt}
	}
	return exported, nil
}

// export writes the document: the data of this service, then the orders.
type export struct {
	pages  *orderPages
	orders int
}

// begin writes the document up to the first order.
func (e *export) begin(w io.Writer, data storedData) error {
	text, err := json.Marshal(data)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, `%s,"orders":[`, bytes.TrimSuffix(text, []byte("}")))
	return err
}

// add writes the next page of orders.
func (e *export) add(ctx context.Context, w io.Writer) error {
	page, err := e.pages.Next(ctx)
	if err != nil {
		return err
	}
	for _, order := range page {
		separator := ",\n"
		if e.orders == 0 {
			separator = "\n"
		}
		if _, err := io.WriteString(w, separator+string(order)); err != nil {
			return err
		}
		e.orders++
	}
	return nil
}

// send writes the buffered part of the document, and then the remaining pages.
func (e *export) send(ctx context.Context, w io.Writer, document *bytes.Buffer) error {
	if _, err := document.WriteTo(w); err != nil {
		return err
	}
	for e.pages.More {
		if err := e.add(ctx, w); err != nil {
			return err
		}
	}
	_, err := io.WriteString(w, "]}\n")
	return err
}

// exportBody documents the response's body, which the handler writes without huma.
func exportBody(operation *huma.Operation) {
	list := func(description string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeArray, Description: description, Items: &huma.Schema{Type: huma.TypeObject}}
	}
	operation.Responses = map[string]*huma.Response{"200": {
		Description: "All data that the shop stores about the caller.",
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type: huma.TypeObject,
			Properties: map[string]*huma.Schema{
				"exportedAt":   {Type: huma.TypeString, Format: "date-time"},
				"account":      {Type: huma.TypeObject, Description: "The account, as GET /v1/users/me returns it."},
				"addresses":    list("The addresses, as GET /v1/users/me/addresses returns them."),
				"sessions":     list("The logins, each with the times of its sign-in, last refresh and end."),
				"networks":     list("Hashes of the networks from which users signed in to the account, each with the time of the last login."),
				"emailChanges": list("The requested changes of the e-mail address that can still be confirmed or reverted."),
				"secondFactor": {Type: huma.TypeObject, Description: "The authenticator app, the passkeys and the number of recovery codes, as GET /v1/users/me/second-factor returns them."},
				"tags":         {Type: huma.TypeArray, Description: "The tags that the shop has given the account.", Items: &huma.Schema{Type: huma.TypeString}},
				"notes":        list("The shop's notes on the account, each with its text and the times of its creation and last change, newest first."),
				"trail":        list("The newest changes of the account, and those that it has made of the shop's accounts, roles and keys, 400 at most. Each has its time, operation, kind of actor, resource and changed fields; of personal fields only that they have changed, and of other accounts only that they were changed."),
				"orders":       list("The orders, as GET /v1/orders returns them, newest first. One that must be paid also has its payment with the refunds, in paymentRecord, and its invoices and credit notes, in invoices."),
			},
			Required: []string{"exportedAt", "account", "addresses", "sessions", "networks", "emailChanges", "secondFactor", "tags", "notes", "trail", "orders"},
		}}},
	}}
}

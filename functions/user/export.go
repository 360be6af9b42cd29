package user

import (
	"bytes"
	"context"
	"database/sql"
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
)

// exportHeld is how many bytes of an export are held back until it is whole: some
// ten thousand orders. What is longer is sent while it is made.
const exportHeld = 8 << 20

type exportInput struct {
	// Authorization is sent on to the order service: it answers callers, not us.
	Authorization string `header:"Authorization" hidden:"true"`
}

type exportOutput struct {
	Body func(huma.Context)
}

// held is what this service holds on a person: the beginning of an export.
type held struct {
	ExportedAt time.Time         `json:"exportedAt"`
	Account    User              `json:"account"`
	Addresses  []Address         `json:"addresses"`
	Sessions   []login           `json:"sessions"`
	Networks   []familiarNetwork `json:"networks"`
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
	beginning, err := s.readHeld(ctx, caller.UserID)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, accountGone()
	}
	if err != nil {
		return nil, fmt.Errorf("export user %s: %w", caller.UserID, err)
	}
	e := &export{pages: s.shop.orders(caller.UserID, in.Authorization)}
	var document bytes.Buffer
	if err = e.begin(&document, beginning); err != nil {
		return nil, fmt.Errorf("export user %s: %w", caller.UserID, err)
	}
	for e.pages.More && document.Len() < exportHeld {
		if err := e.add(ctx, &document); err != nil {
			if errors.Is(err, errTokenRefused) {
				return nil, api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "The token is not valid any more. Sign in again: POST /v1/sessions.").
					WithHeader("WWW-Authenticate", `Bearer error="invalid_token"`)
			}
			slog.ErrorContext(ctx, "the export has no orders", "error", err)
			return nil, api.Unavailable("Your orders cannot be read just now.")
		}
	}
	return &exportOutput{Body: func(answer huma.Context) {
		answer.SetHeader("Content-Type", "application/json")
		answer.SetHeader("Content-Disposition", `attachment; filename="souk-export.json"`)
		answer.SetHeader("Cache-Control", "no-store")
		if err := e.send(answer.Context(), answer.BodyWriter(), &document); err != nil {
			slog.ErrorContext(answer.Context(), "the export broke off", "error", err)
			panic(http.ErrAbortHandler)
		}
	}}, nil
}

func (s *service) readHeld(ctx context.Context, id uuid.UUID) (h held, err error) {
	h.ExportedAt = s.Now()
	if h.Account, err = selectUser(ctx, s.DB, id); err != nil {
		return h, err
	}
	if h.Addresses, err = selectAddresses(ctx, s.DB, id, uuid.Max, maxAddresses); err != nil {
		return h, fmt.Errorf("read the addresses: %w", err)
	}
	if h.Addresses == nil {
		h.Addresses = []Address{}
	}
	if h.Sessions, err = selectLogins(ctx, s.DB, id, h.ExportedAt); err != nil {
		return h, fmt.Errorf("read the logins: %w", err)
	}
	if h.Networks, err = selectNetworks(ctx, s.DB, id); err != nil {
		return h, fmt.Errorf("read the networks: %w", err)
	}
	return h, nil
}

// export writes the document: what this service holds, then the orders one after
// the other.
type export struct {
	pages  *orderPages
	orders int
}

func (e *export) begin(w io.Writer, beginning held) error {
	text, err := json.Marshal(beginning)
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

// send writes what was held back, and what is left.
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

// exportAnswer tells what huma cannot see: the answer is written by the function.
func exportAnswer(operation *huma.Operation) {
	list := func(of string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeArray, Description: of, Items: &huma.Schema{Type: huma.TypeObject}}
	}
	operation.Responses = map[string]*huma.Response{"200": {
		Description: "Everything that the shop holds on the caller.",
		Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{
			Type: huma.TypeObject,
			Properties: map[string]*huma.Schema{
				"exportedAt": {Type: huma.TypeString, Format: "date-time"},
				"account":    {Type: huma.TypeObject, Description: "As user-get shows it."},
				"addresses":  list("As address-list shows them."),
				"sessions":   list("The logins: when each began, was last renewed, and ends."),
				"networks":   list("The networks that were signed in from, each as a hash, and when last."),
				"orders":     list("As order-list shows them, newest first."),
			},
			Required: []string{"exportedAt", "account", "addresses", "sessions", "networks", "orders"},
		}}},
	}}
}

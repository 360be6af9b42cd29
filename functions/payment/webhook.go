package payment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/google/uuid"

	"souk/functions/payment/provider"
	"souk/shared/api"
	"souk/shared/database"
)

type webhookInput struct {
	Provider string `path:"provider" maxLength:"32" doc:"The name of the payment provider." example:"local"`

	header http.Header
	body   []byte
	err    error
}

// Resolve implements huma.Resolver. It reads the body, whose bytes are signed.
func (in *webhookInput) Resolve(ctx huma.Context) []error {
	r, _ := humago.Unwrap(ctx)
	in.header = r.Header
	if body := ctx.BodyReader(); body != nil {
		in.body, in.err = io.ReadAll(body)
	}
	return nil
}

// codeInvalidSignature is the code of the problem of a callback that the provider has not signed.
const codeInvalidSignature = "invalid_signature"

// webhookBody documents the body, which the handler reads without huma.
func webhookBody(operation *huma.Operation) {
	operation.RequestBody = &huma.RequestBody{
		Required: true, Description: "An event in the provider's format.",
		Content: map[string]*huma.MediaType{"*/*": {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}},
	}
}

// webhook handles POST /v1/payments/{provider}/webhook.
//
// # Receive a callback
//
// Only the provider calls it. The body must have the provider's signature, which must not be older
// than five minutes. Callbacks may be repeated, and may arrive in any order.
func (s *service) webhook(ctx context.Context, in *webhookInput) (*struct{}, error) {
	if in.Provider != s.provider.Name() {
		return nil, api.NewProblem(http.StatusNotFound, "provider"+api.NotFoundSuffix, "There is no payment provider %q.", in.Provider)
	}
	if in.err != nil {
		return nil, api.UnreadableBody(in.err)
	}
	c, err := s.provider.ParseCallback(in.header, in.body, s.Now())
	switch {
	case errors.Is(err, provider.ErrSignature):
		slog.WarnContext(ctx, "refuse a callback without a valid signature", "provider", in.Provider, "error", err)
		return nil, api.NewProblem(http.StatusUnauthorized, codeInvalidSignature, "The signature of the callback is not valid, or older than five minutes.")
	case err != nil:
		slog.ErrorContext(ctx, "cannot read a callback", "provider", in.Provider, "error", err)
		return nil, api.Invalid("body", api.FieldFormat, "is not an event of the provider")
	case c.Payment.ID == "":
		return nil, nil //nolint:nilnil // it concerns no payment
	}
	orderID, first, err := s.receive(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("receive callback %s: %w", c.ID, err)
	}
	if orderID != uuid.Nil {
		// The callback is stored: if this fails, payment-reconcile continues.
		if err := s.driveForRequest(ctx, orderID); err != nil {
			slog.WarnContext(ctx, "payment-reconcile continues with a payment", "order", orderID, "callback", c.ID, "error", err)
		} else if first {
			slog.InfoContext(ctx, "payment callback applied", "order", orderID, "callback", c.ID, "type", c.Type,
				"seconds", max(0, s.Now().Sub(c.CreatedAt).Seconds()))
		}
	}
	return nil, nil //nolint:nilnil // huma responds with 204
}

// receive stores a callback and applies it, if it is new. It returns the order of its payment,
// uuid.Nil if the payment is not known, and reports whether the callback is new.
func (s *service) receive(ctx context.Context, c provider.Callback) (orderID uuid.UUID, first bool, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		a, err := s.lockReported(ctx, tx, c.Payment)
		if err != nil {
			return err
		}
		stored := callback{provider: s.provider.Name(), eventID: bounded(c.ID, maxEventID), kind: bounded(c.Type, maxFailure), providerPaymentID: c.Payment.ID}
		orderID = uuid.Nil
		if a != nil {
			orderID, stored.orderID = a.orderID, a.orderID
		}
		if first, err = insertCallback(ctx, tx, stored, s.Now()); err != nil || !first || a == nil {
			return err
		}
		if a.reportedAt.IsZero() {
			a.reportedAt = c.CreatedAt
		}
		if c.Payment.Version > 0 {
			a.observe(ctx, c.Payment, s.Now())
		} else {
			a.needsRead = true
		}
		if err := s.countDecline(ctx, tx, a, c); err != nil {
			return err
		}
		a.continueAt(s.Now())
		return s.save(ctx, tx, a)
	})
	return orderID, first, err
}

// maxEventID bounds the provider's ids of events, in bytes.
const maxEventID = 255

// lockReported returns the payment that the provider reports something about, nil if it is not
// one of this service, or not known yet.
func (s *service) lockReported(ctx context.Context, tx *database.Tx, seen provider.Payment) (*account, error) {
	orderID, err := selectOrderID(ctx, tx, s.provider.Name(), seen.ID)
	if errors.Is(err, database.ErrNotFound) {
		// The callback may be earlier than the response that has the id.
		var parseErr error
		if orderID, parseErr = uuid.Parse(seen.Reference); parseErr != nil {
			return nil, nil //nolint:nilnil,nilerr // not of this service
		}
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("find the order of payment %s: %w", seen.ID, err)
	}
	a, err := lockAccount(ctx, tx, orderID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, nil //nolint:nilnil // not of this service
	}
	if err != nil {
		return nil, err
	}
	if a.provider != s.provider.Name() || a.providerID != "" && a.providerID != seen.ID {
		return nil, nil //nolint:nilnil // a stray payment: see payment-reconcile
	}
	return a, nil
}

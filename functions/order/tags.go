package order

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/manifest"
	"souk/shared/note"
)

// tags handles PUT /v1/orders/{id}/tags.
//
// # Replace the tags of an order
//
// Staff and API keys see the tags of an order and find orders by them, customers and guests do not. Tags
// remain when the personal data of the order is erased: use notes for what is about a person. A change
// increases the version of the order; updatedAt, from which the time to pay is computed, remains. The response
// has the customer's personal data for callers with orders.read only.
func (s *service) tags(ctx context.Context, tx *database.Tx, in *note.TagsInput) (*orderResponse, error) {
	o, err := lockOrder(ctx, tx, in.ID)
	if errors.Is(err, database.ErrNotFound) {
		return nil, api.NotFound("order", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("lock order %s: %w", in.ID, err)
	}
	if err := in.Check(o.Version); err != nil {
		return nil, err
	}
	before := o.tags
	if o.tags = in.Body.Tags; !slices.Equal(before, o.tags) {
		o.Version++
		if err := updateTags(ctx, tx, &o); err != nil {
			return nil, fmt.Errorf("update the tags of order %s: %w", o.ID, err)
		}
		if err := notes.ReplaceTags(ctx, tx, o.ID, before, o.tags, s.Now()); err != nil {
			return nil, err
		}
	}
	return newResponseTo(ctx, o), nil
}

// showTags adds the tags to an order in a response to staff. Other callers do not see them.
func (o *Order) showTags(ctx context.Context) {
	if caller, _ := auth.PrincipalFrom(ctx); caller.Can(manifest.OrdersRead) || caller.Can(manifest.OrdersWrite) {
		o.Tags = o.tags
	}
}

package order

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/database"
)

type cancelInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
}

// cancel ends an order that has not been shipped. Its stock goes back.
func (s *service) cancel(ctx context.Context, in *cancelInput) (*answer, error) {
	caller, _ := auth.PrincipalFrom(ctx)
	var o Order
	err := s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		var err error
		if o, err = lockOrder(ctx, tx, in.ID); err != nil {
			return err
		}
		if !o.VisibleTo(caller) {
			return sql.ErrNoRows
		}
		if !o.Move(Cancelled, cancelReason(o, caller), s.Now()) {
			return api.NewProblem(http.StatusConflict, "order_not_cancellable", "The order is %s: it cannot be cancelled any more.", o.Status)
		}
		if err := saveMove(ctx, tx, o); err != nil {
			return err
		}
		return s.tellDecided(ctx, tx, "order-cancelled", o)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return nil, api.NotFound("order", in.ID)
	}
	if err != nil {
		return nil, fmt.Errorf("cancel order %s: %w", in.ID, err)
	}
	return show(o), nil
}

func cancelReason(o Order, caller auth.Principal) string {
	if caller.UserID == o.UserID {
		return "by_customer"
	}
	return "by_shop"
}

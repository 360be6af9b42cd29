package order

import (
	"context"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/auth"
	"souk/shared/database"
)

type checkoutCreateInput struct {
	Body checkoutContent
}

// Resolve implements huma.Resolver. It checks rules that the schema cannot express.
func (in *checkoutCreateInput) Resolve(huma.Context) []error {
	return checkContent(in.Body.Items, in.Body.Email)
}

// checkoutCreate handles POST /v1/checkouts.
//
// # Create a checkout
//
// The response has the current prices, with taxes, shipping and discounts. Nothing is reserved
// before the checkout is completed. With an access token, the checkout is the account's. A
// guest gets a token for the checkout and its order. Unfinished checkouts are deleted after
// expiresAt. The checkouts of guests and the refused discount codes of one network are limited:
// 429 has the time to wait in Retry-After.
func (s *service) checkoutCreate(ctx context.Context, in *checkoutCreateInput) (*checkoutResponse, error) {
	caller, _ := auth.PrincipalFrom(ctx)
	c, err := s.newCheckout(caller, in.Body)
	if err != nil {
		return nil, err
	}
	var response *checkoutResponse
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		if !c.isGuest() {
			// The deletion of the account also deletes its checkouts.
			if deleted, err := lockCustomer(ctx, tx, c.UserID); err != nil || deleted {
				return errorOr(err, accountDeleted())
			}
		} else if err := s.spendGuestCheckout(ctx, tx); err != nil {
			return err
		}
		if response, err = s.showEntered(ctx, tx, &c, nil); err != nil {
			return err
		}
		return insertCheckout(ctx, tx, &c)
	})
	if err != nil {
		return nil, fmt.Errorf("create checkout %s: %w", c.ID, err)
	}
	if c.isGuest() {
		if response.Body.Token, err = s.CheckoutTokens.Sign(c.ID, c.ExpiresAt); err != nil {
			return nil, err
		}
	}
	response.Location = "/v1/checkouts/" + c.ID.String()
	return response, nil
}

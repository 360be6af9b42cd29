package order

import (
	"context"
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/database"
)

type checkoutUpdateInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body struct {
		Items           []placeItem   `json:"items,omitempty" minItems:"1" maxItems:"50" doc:"The items, which replace those before."`
		Email           *string       `json:"email,omitempty" minLength:"1" maxLength:"254" doc:"The e-mail address." example:"amira@example.com"`
		Name            *string       `json:"name,omitempty" nullable:"true" maxLength:"200" doc:"The name with which e-mails address the person." example:"Amira Haddad"`
		ShippingAddress addressChange `json:"shippingAddress,omitempty"` //nolint:modernize // huma derives optional from it
		BillingAddress  addressChange `json:"billingAddress,omitempty"`  //nolint:modernize // huma derives optional from it
		ShippingMethod  *string       `json:"shippingMethod,omitempty" nullable:"true" maxLength:"64" doc:"The id of one of the shippingOptions." example:"standard"`
		DiscountCodes   []string      `json:"discountCodes,omitempty" nullable:"true" maxItems:"10" maxLength:"64" doc:"The discount codes, which replace those before." example:"[\"WELCOME10\"]"`
	}
}

// Resolve implements huma.Resolver. It checks rules that the schema cannot express.
func (in *checkoutUpdateInput) Resolve(huma.Context) []error {
	email := ""
	if in.Body.Email != nil {
		email = *in.Body.Email
	}
	return checkContent(in.Body.Items, email)
}

// checkoutUpdate handles PATCH /v1/checkouts/{id}.
//
// # Update a checkout
//
// Changes the fields that are sent. Lists are replaced; addresses are merged, and null removes
// one. A completed checkout cannot be changed. The refused discount codes of one network are limited: 429 has
// the time to wait in Retry-After.
func (s *service) checkoutUpdate(ctx context.Context, in *checkoutUpdateInput) (response *checkoutResponse, err error) {
	err = s.DB.InTx(ctx, func(ctx context.Context, tx *database.Tx) error {
		c, err := s.ownCheckout(ctx, tx, in.ID, locked)
		if err != nil {
			return err
		}
		if err := in.Check(c.Version); err != nil {
			return err
		}
		if c.OrderID != uuid.Nil {
			return api.NewProblem(http.StatusConflict, "checkout_completed", "The checkout was completed: its order is %s. Create another checkout.", c.OrderID)
		}
		before := c.Content
		if err := in.apply(&c.Content); err != nil {
			return err
		}
		if !reflect.DeepEqual(before, c.Content) {
			c.Version++
			c.UpdatedAt = s.Now()
			if err := updateCheckout(ctx, tx, &c); err != nil {
				return err
			}
		}
		response, err = s.showEntered(ctx, tx, &c, before.DiscountCodes)
		return err
	})
	return response, err
}

// apply changes the content of a checkout. The error is a problem if an address is incomplete.
func (in *checkoutUpdateInput) apply(content *checkoutContent) error {
	set := func(target, value *string) {
		if value != nil {
			*target = *value
		}
	}
	if in.Body.Items != nil {
		content.Items = in.Body.Items
	}
	set(&content.Email, in.Body.Email)
	set(&content.Name, in.Body.Name)
	set(&content.ShippingMethod, in.Body.ShippingMethod)
	if in.Body.DiscountCodes != nil {
		content.DiscountCodes = in.Body.DiscountCodes
		if len(content.DiscountCodes) == 0 {
			content.DiscountCodes = nil
		}
	}
	var errs []api.FieldError
	content.ShippingAddress, errs = in.Body.ShippingAddress.apply(content.ShippingAddress, "body.shippingAddress.", errs)
	content.BillingAddress, errs = in.Body.BillingAddress.apply(content.BillingAddress, "body.billingAddress.", errs)
	if len(errs) > 0 {
		return api.InvalidFields(errs)
	}
	return nil
}

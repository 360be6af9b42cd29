package order

import (
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/emailaddress"
)

// checkoutContent is what a customer has entered in a checkout. It is stored as JSON.
type checkoutContent struct {
	Items           []placeItem            `json:"items" nullable:"false" minItems:"1" maxItems:"50"`
	Email           string                 `json:"email,omitempty" minLength:"1" maxLength:"254" doc:"The e-mail address. A guest's order needs one; accounts get mails at their own." example:"amira@example.com"`
	Name            string                 `json:"name,omitempty" maxLength:"200" doc:"The name with which e-mails address the person. The default is the name in the billing or shipping address." example:"Amira Haddad"`
	ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty" doc:"It is required before completion if the shop charges shipping."`
	BillingAddress  *address.PostalAddress `json:"billingAddress,omitempty" doc:"The default is the shipping address."`
	ShippingMethod  string                 `json:"shippingMethod,omitempty" maxLength:"64" doc:"The id of one of the shippingOptions. It is required before completion if the shop charges shipping." example:"standard"`
	DiscountCodes   []string               `json:"discountCodes,omitempty" maxItems:"10" maxLength:"64" doc:"Discount codes, in the order of their use; case does not matter." example:"[\"WELCOME10\"]"`
}

// checkout is a checkout as it is stored.
type checkout struct {
	ID uuid.UUID
	// UserID is the id of the account or, of a guest, that of the checkout.
	UserID  uuid.UUID
	Content checkoutContent
	OrderID uuid.UUID // uuid.Nil before the checkout is completed
	Version int64

	CreatedAt, UpdatedAt, ExpiresAt time.Time
}

// newCheckout returns a new checkout of a caller: of an account or, without one, of a guest.
func (s *service) newCheckout(caller auth.Principal, content checkoutContent) (checkout, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return checkout{}, fmt.Errorf("create a checkout id: %w", err)
	}
	c := checkout{ID: id, UserID: caller.UserID, Content: content, Version: 1, CreatedAt: s.Now(), UpdatedAt: s.Now()}
	if caller.UserID == uuid.Nil {
		c.UserID = id
	}
	// The token of a guest has the same expiry, in seconds.
	c.ExpiresAt = c.CreatedAt.Add(s.settings.CheckoutTTL).Truncate(time.Second)
	return c, nil
}

// isGuest reports whether the checkout is of no account.
func (c *checkout) isGuest() bool { return c.UserID == c.ID }

// mailbox returns the id of a guest's e-mail address, uuid.Nil without one or for an account.
func (c *checkout) mailbox() uuid.UUID {
	if !c.isGuest() || c.Content.Email == "" {
		return uuid.Nil
	}
	return emailaddress.ID(c.Content.Email)
}

// cart returns the cart of the checkout. Uses of discounts by guests are stored by their e-mail address, for
// the account that adopts the order. They change no quote: it would reveal what others have ordered with
// the address (docs/adr/0079).
func (c *checkout) cart() cart {
	customer := c.UserID
	if mailbox := c.mailbox(); mailbox != uuid.Nil {
		customer = mailbox
	}
	in := &c.Content
	return cart{customer: customer, guest: c.isGuest(), items: in.Items, address: in.ShippingAddress, shippingMethod: in.ShippingMethod, codes: in.DiscountCodes}
}

// contact returns the contact of the checkout's order.
func (c *checkout) contact() Contact {
	in := &c.Content
	contact := Contact{Email: in.Email, BillingAddress: cmp.Or(in.BillingAddress, in.ShippingAddress), Name: in.Name}
	if contact.Name == "" && contact.BillingAddress != nil {
		contact.Name = contact.BillingAddress.Name
	}
	return contact
}

// missing returns what a guest has not entered, but must.
func (c *checkout) missing() (errs []api.FieldError) {
	if !c.isGuest() {
		return nil
	}
	contact := c.contact()
	if contact.Email == "" {
		errs = append(errs, api.FieldError{Location: "email", Code: api.FieldRequired, Message: "is required"})
	}
	if contact.Name == "" {
		errs = append(errs, api.FieldError{Location: "name", Code: api.FieldRequired, Message: "is required, unless an address has one"})
	}
	return errs
}

// checkContent returns the errors of entered content that the schema cannot express. Fields
// that are absent have none.
func checkContent(items []placeItem, email string) []error {
	errs := checkDuplicates("body.items", items)
	if email != "" {
		if err := emailaddress.Check(emailaddress.Normalize(email)); err != nil {
			errs = append(errs, api.FieldError{Location: "body.email", Code: api.FieldFormat, Message: err.Error()})
		}
	}
	return errs
}

// checkoutNotFound is the problem for a checkout that does not exist, has expired or is another
// customer's.
func checkoutNotFound(id uuid.UUID) *api.Problem { return api.NotFound("checkout", id) }

package order

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"slices"
	"time"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/money"
	"souk/shared/pricing"
)

// Checkout is a checkout with its price as it is now.
type Checkout struct {
	ID    uuid.UUID `json:"id" format:"uuid"`
	Items []Item    `json:"items" nullable:"false"`
	Prices
	Contact
	ShippingOptions []ShippingOption       `json:"shippingOptions" nullable:"false" doc:"The shipping methods for the items and the address. It is empty while the address is unknown."`
	ShippingMethod  string                 `json:"shippingMethod,omitempty" doc:"The chosen method." example:"standard"`
	ShippingAddress *address.PostalAddress `json:"shippingAddress,omitempty"`
	DiscountCodes   []string               `json:"discountCodes" nullable:"false" doc:"The codes that were entered." example:"[\"WELCOME10\"]"`
	Problems        []CheckoutProblem      `json:"problems" nullable:"false" doc:"The reasons for which the checkout cannot be completed as it is."`
	OrderID         *uuid.UUID             `json:"orderId,omitempty" format:"uuid" doc:"The order, after the checkout was completed."`
	Token           string                 `json:"token,omitempty" doc:"Only in the response of checkout-create to a guest: the bearer token for this checkout and its order, until expiresAt." example:"souk_checkout_1_AZnA3gAAcACAAAAAAAAAAQAAAABpquXAR2Jb0jPbQk5l7QnIgm2rS0Gq6gVb3rS6vJkq1m3n5pA"`
	Version         int64                  `json:"version" doc:"The number of the checkout's current version. Send it to complete the checkout." example:"1"`
	CreatedAt       time.Time              `json:"createdAt"`
	UpdatedAt       time.Time              `json:"updatedAt"`
	ExpiresAt       time.Time              `json:"expiresAt" doc:"When the checkout is deleted."`
}

// ShippingOption is a shipping method that can be chosen.
type ShippingOption struct {
	Method string      `json:"method" example:"standard"`
	Name   string      `json:"name" example:"Parcel, 2 to 3 days"`
	Amount money.Money `json:"amount" doc:"Before discounts."`
}

// CheckoutProblem is a reason for which a checkout cannot be completed as it is.
type CheckoutProblem struct {
	Location string `json:"location" doc:"The field of the checkout." example:"discountCodes[0]"`
	Code     string `json:"code" doc:"The code that checkout-complete would respond with, or required for a missing field." example:"discount_code_expired"`
	Message  string `json:"message" example:"is no longer valid"`
}

// checkoutResponse is a response that contains one checkout.
type checkoutResponse = api.Resource[Checkout]

// quoteTable is the table of the checksum of quotes.
var quoteTable = crc64.MakeTable(crc64.ISO)

// showCheckout returns a checkout with its price as it is now. The error is a problem if a product
// is not for sale.
func (s *service) showCheckout(ctx context.Context, q database.Queryer, c *checkout) (*checkoutResponse, error) {
	quoted, err := s.quote(ctx, q, c.cart())
	if err != nil {
		return nil, err
	}
	return s.newCheckoutResponse(c, &quoted)
}

// showEntered is showCheckout after content was entered that replaces discount codes. It counts the codes
// that are refused. The error is a problem, and reveals nothing about the codes, if too many of the network were.
func (s *service) showEntered(ctx context.Context, tx *database.Tx, c *checkout, replaced []string) (*checkoutResponse, error) {
	network, entered := networkID(ctx), newCodes(c.Content.DiscountCodes, replaced)
	if len(entered) == 0 {
		return s.showCheckout(ctx, tx, c)
	}
	few, err := s.networksWithFewCodes(ctx, tx, network)
	if err != nil {
		return nil, err
	}
	limit, err := s.lockNetworkLimit(ctx, tx, s.settings.refusedCodes(), few...)
	if err != nil {
		return nil, err
	}
	// Before the price is computed, so that the time of the response reveals nothing either.
	if problem := limit.check(ctx, network, len(entered)); problem != nil {
		return nil, problem
	}
	quoted, err := s.quote(ctx, tx, c.cart())
	if err != nil {
		return nil, err
	}
	if refused := countRefused(entered, &quoted.quote); refused > 0 {
		if !limit.isLocked(network) {
			if limit, err = s.lockNetworkLimit(ctx, tx, s.settings.refusedCodes(), network); err != nil {
				return nil, err
			}
			if problem := limit.check(ctx, network, len(entered)); problem != nil {
				return nil, problem
			}
		}
		limit.spend(network, refused)
		if err := limit.store(ctx, tx); err != nil {
			return nil, err
		}
	}
	return s.newCheckoutResponse(c, &quoted)
}

// newCheckoutResponse returns the response with a checkout at a quoted price.
func (s *service) newCheckoutResponse(c *checkout, quoted *quoted) (*checkoutResponse, error) {
	// As an order, so that the two show the same.
	o := Order{UserID: c.UserID, Items: quoted.items}
	s.setPrice(&o, &quoted.quote, quoted.plain)
	shown := Checkout{
		ID: c.ID, Items: o.Items, Prices: o.Prices, Contact: Contact{c.Content.Email, c.Content.Name, c.Content.BillingAddress},
		ShippingOptions: []ShippingOption{}, ShippingMethod: c.Content.ShippingMethod, ShippingAddress: c.Content.ShippingAddress,
		DiscountCodes: append([]string{}, c.Content.DiscountCodes...), Problems: c.problems(quoted),
		Version: c.Version, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt, ExpiresAt: c.ExpiresAt,
	}
	for _, option := range quoted.quote.Shipping.Options {
		shown.ShippingOptions = append(shown.ShippingOptions, ShippingOption{option.Method, option.Name, money.Money{Amount: option.Amount, Currency: quoted.quote.Currency}})
	}
	if c.OrderID != uuid.Nil {
		shown.OrderID = &c.OrderID
	}
	// The price can change without a new version: the tag has a checksum of it.
	text, err := json.Marshal(quoted.quote)
	if err != nil {
		return nil, fmt.Errorf("encode the quote of checkout %s: %w", c.ID, err)
	}
	tag := api.ETag(c.Version, int64(crc64.Checksum(text, quoteTable)>>1))
	return &checkoutResponse{ETag: tag, Body: shown}, nil
}

// problems returns the reasons for which the checkout cannot be completed as it is.
func (c *checkout) problems(quoted *quoted) []CheckoutProblem {
	problems := []CheckoutProblem{}
	for _, e := range c.missing() {
		problems = append(problems, CheckoutProblem{e.Location, e.Code, e.Message})
	}
	for _, refused := range quoted.quote.RefusedCodes {
		problems = append(problems, CheckoutProblem{
			fmt.Sprintf("discountCodes[%d]", slices.Index(c.Content.DiscountCodes, refused.Code)), discountProblemCode(refused.Problem), codeProblems[refused.Problem],
		})
	}
	if problem := quoted.quote.Shipping.Problem; quoted.ships && problem != "" {
		location := "shippingMethod"
		if problem == pricing.NoAddress || problem == pricing.NoZone || problem == pricing.NoMethod {
			location = "shippingAddress"
		}
		problems = append(problems, CheckoutProblem{location, shippingProblemCode(problem), shippingMessages[problem]})
	}
	return problems
}

// shippingMessages are the descriptions of the reasons for which a checkout cannot be shipped.
var shippingMessages = map[pricing.ShippingProblem]string{
	pricing.NoAddress:         "is required",
	pricing.NoZone:            "is where the shop does not ship to",
	pricing.NoMethod:          "is where the shop does not ship these products to",
	pricing.NotChosen:         "is required: choose one of shippingOptions",
	pricing.MethodUnavailable: "is not available: choose one of shippingOptions",
}

package order

import (
	"database/sql"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/money"
	"souk/shared/pricing"
)

// maxAutomaticDiscounts is the maximum number of discounts without a code: the prices of an order
// depend on all of them.
const maxAutomaticDiscounts = 100

// resourceDiscount is the kind of the resource discount in the trail.
const resourceDiscount = "discount"

// Discount reduces the prices of orders.
type Discount struct {
	ID uuid.UUID `json:"id" format:"uuid"`
	DiscountRules
	Uses      int64     `json:"uses" doc:"The number of orders with the discount that are neither cancelled nor rejected." example:"17"`
	Version   int64     `json:"version" doc:"The number of the discount's current version. It is also the ETag. Uses change the number of uses, not the version." example:"2"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// DiscountRules are the fields of a discount that the shop sets.
type DiscountRules struct {
	Name string               `json:"name" minLength:"1" maxLength:"200" doc:"The name that customers see." example:"Welcome" trail:"value"`
	Code string               `json:"code,omitempty" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]*$" patternDescription:"letters, digits, dots, underscores and hyphens, the first a letter or digit" maxLength:"64" doc:"The code that customers enter; case does not matter. A discount without a code is automatic." example:"WELCOME10" trail:"value"`
	Kind pricing.DiscountKind `json:"kind" enum:"percentage,amount,free_shipping" trail:"value"`
	DiscountTerms
}

// DiscountTerms are the fields of a discount that can change.
type DiscountTerms struct {
	Rate               pricing.Rate `json:"rate,omitempty" minimum:"1" maximum:"1000000" doc:"Of the kind percentage, in millionths: 100000 is 10 %." example:"100000" trail:"value"`
	Amount             *money.Money `json:"amount,omitempty" doc:"Of the kind amount: what is taken off, in the currency of the shop." trail:"value"`
	MinimumTotal       *money.Money `json:"minimumTotal,omitempty" doc:"The least sum of an order's items, before discounts." trail:"value"`
	ProductIDs         []uuid.UUID  `json:"productIds,omitempty" maxItems:"200" format:"uuid" doc:"The discount applies only to these products and to those of the categories. Without both it applies to all." trail:"value"`
	Categories         []string     `json:"categories,omitempty" maxItems:"200" maxLength:"64" doc:"The discount applies only to products of these categories and to those of productIds." example:"[\"tea\"]" trail:"value"`
	From               *time.Time   `json:"from,omitempty" doc:"The beginning of the period in which it applies." trail:"value"`
	Until              *time.Time   `json:"until,omitempty" doc:"The end of the period. The discount does not apply at this time." trail:"value"`
	MaxUses            int64        `json:"maxUses,omitempty" minimum:"0" maximum:"1000000000" doc:"The maximum number of orders. 0 is no limit." example:"1000" trail:"value"`
	MaxUsesPerCustomer int64        `json:"maxUsesPerCustomer,omitempty" minimum:"0" maximum:"1000000000" doc:"The maximum number of orders of one customer. 0 is no limit. A discount with this limit is for customers with an account only: the e-mail address of a guest is not confirmed." example:"1" trail:"value"`
	Exclusive          bool         `json:"exclusive,omitempty" doc:"Whether it is not combined with others. If several discounts apply and one is exclusive, only one is used: the first exclusive code, otherwise the oldest exclusive automatic discount." trail:"value"`
}

// discountResponse is a response that contains one discount.
type discountResponse = api.Resource[Discount]

// ETag is the entity tag of the discount with its uses.
func (d *Discount) ETag() string { return api.ETag(d.Version, d.Uses) }

func newDiscountResponse(d Discount) *discountResponse {
	return &discountResponse{ETag: d.ETag(), Body: d}
}

// codeKey returns the form in which codes are compared, or NULL for an automatic discount.
func (d *Discount) codeKey() sql.NullString {
	return sql.NullString{String: pricing.FoldCode(d.Code), Valid: d.Code != ""}
}

// rule returns the discount in the form that quotes are computed from.
func (d *Discount) rule() pricing.Discount {
	rule := pricing.Discount{
		ID: d.ID.String(), Name: d.Name, Code: d.Code, Kind: d.Kind, Rate: d.Rate, Categories: d.Categories,
		MaxUses: d.MaxUses, MaxUsesPerCustomer: d.MaxUsesPerCustomer, Exclusive: d.Exclusive,
	}
	if d.Amount != nil {
		rule.Amount = d.Amount.Amount
	}
	if d.MinimumTotal != nil {
		rule.MinimumTotal = d.MinimumTotal.Amount
	}
	for _, id := range d.ProductIDs {
		rule.LineIDs = append(rule.LineIDs, id.String()) // the ids of lines are those of products
	}
	if d.From != nil {
		rule.From = *d.From
	}
	if d.Until != nil {
		rule.Until = *d.Until
	}
	return rule
}

// check returns an error for each invalid field, with its location in a request.
func (d *Discount) check(currency string) []api.FieldError {
	settings := pricing.Settings{Currency: currency, Discounts: []pricing.Discount{d.rule()}}
	errs := settings.Check()
	for i := range errs {
		errs[i].Location = "body" + strings.TrimPrefix(errs[i].Location, "discounts[0]")
	}
	refuse := func(sent bool, location, message string) {
		if sent {
			errs = append(errs, api.FieldError{Location: location, Code: api.FieldValue, Message: message})
		}
	}
	refuse(d.Rate != 0 && d.Kind != pricing.PercentOff, "body.rate", "is for the kind percentage only")
	refuse(d.Amount != nil && d.Kind != pricing.AmountOff, "body.amount", "is for the kind amount only")
	for location, amount := range map[string]*money.Money{"body.amount": d.Amount, "body.minimumTotal": d.MinimumTotal} {
		refuse(amount != nil && amount.Currency != currency, location+".currency", "must be "+currency+", the currency of the shop")
	}
	return errs
}

// currencyNotSet returns the problem for a discount of a shop without a currency.
func currencyNotSet() *api.Problem {
	return api.NewProblem(http.StatusConflict, "currency_not_set", "The shop has no currency. Set it with PATCH /v1/settings, then create discounts.")
}

// codeTaken returns the problem for the code of another discount.
func codeTaken(code string) *api.Problem {
	return api.NewProblem(http.StatusConflict, "code_taken", "The code %s is that of another discount. Send another code.", code)
}

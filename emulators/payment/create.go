package payment

import (
	"crypto/rand"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"souk/shared/api"
	"souk/shared/money"
)

// Bounds of the texts of a payment, in bytes and characters.
const (
	maxReference = 100
	maxReturnURL = 2048
)

// createInput is the body of a request to create a payment.
type createInput struct {
	Amount    int64   `json:"amount"`
	Currency  string  `json:"currency"`
	Reference string  `json:"reference"`
	ReturnURL string  `json:"returnUrl"`
	Capture   Capture `json:"capture"`
}

// originPattern matches the scheme and host of a return URL, which are part of the page's
// policy: they have no character with a meaning there.
var originPattern = regexp.MustCompile(`^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// validate returns the errors of the fields.
func (in createInput) validate() error {
	var errs []api.FieldError
	report := func(field, code, message string) {
		errs = append(errs, api.FieldError{Location: "body." + field, Code: code, Message: message})
	}
	if in.Amount < 1 || in.Amount > maxAmount {
		report("amount", api.FieldRange, "must be from 1 to 999999999999 minor units")
	}
	if money.CheckCurrency(in.Currency) != nil {
		report("currency", api.FieldFormat, "must be the ISO 4217 code of an active currency, such as EUR")
	}
	switch {
	case in.Reference == "":
		report("reference", api.FieldRequired, "is required")
	case utf8.RuneCountInString(in.Reference) > maxReference:
		report("reference", api.FieldTooLong, "must have at most 100 characters")
	case strings.ContainsFunc(in.Reference, func(r rune) bool { return r < ' ' || r == 0x7f }):
		report("reference", api.FieldControl, "must not have control characters")
	}
	if _, err := returnOrigin(in.ReturnURL); err != nil || len(in.ReturnURL) > maxReturnURL {
		report("returnUrl", api.FieldFormat, "must be an absolute URL with http or https of at most 2048 bytes, without a user name")
	}
	if in.Capture != Automatic && in.Capture != Manual {
		report("capture", api.FieldValue, "must be automatic or manual")
	}
	if len(errs) > 0 {
		return api.InvalidFields(errs)
	}
	return nil
}

// returnOrigin returns the scheme and host of a return URL.
func returnOrigin(text string) (string, error) {
	u, err := url.Parse(text)
	if err != nil {
		return "", err
	}
	origin := u.Scheme + "://" + u.Host
	if u.User != nil || !originPattern.MatchString(origin) {
		return "", &url.Error{Op: "parse", URL: text, Err: url.InvalidHostError(u.Host)}
	}
	return origin, nil
}

// create handles POST /v1/payments. The caller must hold mu.
func (p *Provider) create(_ string, in createInput, key *storedKey) (*entry, error) {
	if err := in.validate(); err != nil {
		return nil, err
	}
	if len(p.payments) >= p.options.MaxPayments {
		return nil, api.NewProblem(http.StatusInsufficientStorage, "payments_full",
			"The provider stores at most %d payments. Start it with an empty directory.", p.options.MaxPayments)
	}
	id, err := newID("pay_")
	if err != nil {
		return nil, err
	}
	now := p.now()
	e := &entry{
		Payment: Payment{
			ID: id, Reference: in.Reference, State: RequiresPayment, Version: 1,
			Amount: in.Amount, Currency: in.Currency, Capture: in.Capture, ReturnURL: in.ReturnURL,
			CreatedAt: now, UpdatedAt: now,
		},
		Sequence: int64(len(p.payments)) + 1, Token: strings.ToLower(rand.Text()),
	}
	e.setExpiry(now.Add(paymentLifetime))
	return e, p.commit(record{Payment: e, Key: key})
}

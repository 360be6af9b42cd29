package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"souk/shared/address"
	"souk/shared/auth"
	"souk/shared/emailaddress"
	"souk/shared/money"
	"souk/shared/text"
)

// breach is a rule that a value breaks.
type breach struct {
	check  Check
	detail string
}

// rule returns what rules a value breaks.
type rule func(value string) []breach

// exemptColumns are the columns without a rule, and why.
var exemptColumns = map[string]string{
	"idempotency_key.header": "JSON of the program, for a day",
	"inbox.consumer":         "the name of a function",
	"outbox.aggregateid":     "an id",
	"outbox.aggregatetype":   "a constant of the program",
	"outbox.attributes":      "constants of the program",
	"outbox.payload":         "JSON of the program, for a day; its texts are from columns with rules",
	"outbox.traceparent":     "an id",
	"outbox.type":            "a constant of the program",
}

// columnRules are the rules of columns that are not just a line of text.
var columnRules = map[string]rule{
	"address.city":                    required,
	"address.country":                 country,
	"address.line1":                   required,
	"address.name":                    required,
	"address.phone":                   phone,
	"catalog.name":                    required,
	"catalog.price_currency":          currency,
	"order_history.reason":            block,
	"order_note.body":                 block,
	"order_return.reason":             block,
	"order_item.name":                 required,
	"order_copy.billing_address":      shippingAddress,
	"order_copy.shipping_address":     shippingAddress,
	"orders.billing_address":          shippingAddress,
	"orders.shipping_address":         shippingAddress,
	"orders.tags":                     jsonLines,
	"orders.total_currency":           currency,
	"product.attributes":              jsonLines,
	"product.description":             block,
	"product.images":                  jsonLines,
	"product.name":                    required,
	"product.price_currency":          currency,
	"product.sku":                     required,
	"registration.email":              email,
	"reservation_item.price_currency": currency,
	"stock_movement.reason":           block,
	"user.email":                      email,
	"user.role":                       role,
	"user.staff_role":                 staffRole,
	"user.tags":                       jsonLines,
	"user_note.body":                  block,
}

func broken(check Check, err error) []breach {
	if err == nil {
		return nil
	}
	return []breach{{check, err.Error()}}
}

// line is the rule of columns that are not in columnRules. Releases before stored invisible
// characters.
func line(value string) []breach {
	_, err := text.Line(value)
	if errors.Is(err, text.ErrInvisible) {
		err = nil
	}
	return broken(RuleText, err)
}

func required(value string) []breach {
	if value == "" {
		return broken(RuleText, text.ErrBlank)
	}
	return line(value)
}

func block(value string) []breach {
	_, err := text.Multiline(value)
	if strings.ContainsRune(value, '\r') { // is stored as LF today
		err = text.ErrControl
	}
	return broken(RuleText, err)
}

func email(value string) []breach { return broken(RuleText, emailaddress.Check(value)) }

func currency(value string) []breach {
	return broken(RuleCurrency, money.Money{Currency: value}.Check())
}

func country(value string) []breach {
	if err := address.CheckCountry(value); err != nil {
		return broken(RuleCountry, fmt.Errorf("%q: %w", value, err))
	}
	return nil
}

func phone(value string) []breach {
	if value == "" {
		return nil
	}
	_, err := address.Phone(value)
	return broken(RuleText, err)
}

func role(value string) []breach {
	if value == "customer" || value == "admin" {
		return nil
	}
	return []breach{{RuleRole, fmt.Sprintf("%q: must be customer or admin", value)}}
}

func staffRole(value string) []breach {
	if value == "" || auth.Role(value).IsStaff() {
		return nil
	}
	return []breach{{RuleRole, fmt.Sprintf("%q: must be a role of staff", value)}}
}

// shippingAddress checks an address in JSON.
func shippingAddress(value string) (breaches []breach) {
	var a address.PostalAddress
	if err := json.Unmarshal([]byte(value), &a); err != nil {
		return broken(RuleText, errors.New("must be an address in JSON"))
	}
	for _, err := range a.Check() {
		check := RuleText
		if err.Location == "country" {
			check = RuleCountry
		}
		breaches = append(breaches, breach{check, err.Location + " " + err.Message})
	}
	return breaches
}

// jsonLines checks the names and strings in JSON, which are lines of text.
func jsonLines(value string) []breach {
	var v any
	if err := json.Unmarshal([]byte(value), &v); err != nil {
		return broken(RuleText, errors.New("must be JSON"))
	}
	return lines(v)
}

func lines(value any) (breaches []breach) {
	switch v := value.(type) {
	case string:
		return line(v)
	case []any:
		for _, element := range v {
			breaches = append(breaches, lines(element)...)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			breaches = append(append(breaches, line(name)...), lines(v[name])...)
		}
	}
	return breaches
}

package stripe

import (
	"errors"
	"fmt"
	"strings"

	"souk/functions/payment/provider"
	"souk/shared/money"
)

// unit describes how Stripe's amounts of a currency differ from the minor units of ISO 4217.
type unit struct {
	// multiply is the factor from minor units to Stripe's, divide the one from Stripe's.
	multiply, divide int64
	// step divides all of Stripe's amounts.
	step int64
}

// units has the currencies that Stripe treats in a special way. Source:
// https://docs.stripe.com/currencies#minor-units and #special-cases
var units = map[string]unit{
	// No decimals in ISO 4217, but two in the API, which must be 00.
	"ISK": {multiply: 100, divide: 1, step: 100},
	"UGX": {multiply: 100, divide: 1, step: 100},
	// Two decimals in ISO 4217 (an ariary has five iraimbilanja), none in the API.
	"MGA": {multiply: 1, divide: 100, step: 1},
	// Three decimals, of which the last must be 0.
	"BHD": {multiply: 1, divide: 1, step: 10},
	"JOD": {multiply: 1, divide: 1, step: 10},
	"KWD": {multiply: 1, divide: 1, step: 10},
	"OMR": {multiply: 1, divide: 1, step: 10},
	"TND": {multiply: 1, divide: 1, step: 10},
}

var errCurrency = errors.New("currency not supported by Stripe")

// unitOf returns the unit of a currency. Others than those above have two decimals, or none and
// are in Stripe's list of currencies without decimals.
func unitOf(code string) (unit, error) {
	if special, found := units[code]; found {
		return special, nil
	}
	switch money.Decimals(code) {
	case 2:
		return unit{1, 1, 1}, nil
	case 0:
		switch code {
		case "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF":
			return unit{1, 1, 1}, nil
		}
	}
	return unit{}, errCurrency
}

// toStripe returns an amount in Stripe's unit. An amount that Stripe cannot represent is
// refused, because a rounded one would differ from the order.
func toStripe(operation string, amount money.Money) (int64, error) {
	refuse := func(detail string) (int64, error) {
		return 0, &provider.Error{Class: provider.ClassInvalid, Operation: operation, Detail: detail}
	}
	u, err := unitOf(amount.Currency)
	if err != nil {
		return refuse(err.Error() + ": " + amount.Currency)
	}
	units := amount.Amount * u.multiply // at most 100 times 2^53
	if units > money.Max || units%u.divide != 0 || units/u.divide%u.step != 0 {
		return refuse(fmt.Sprintf("Stripe accepts no amount of %s", amount))
	}
	return units / u.divide, nil
}

// fromStripe returns an amount of Stripe in minor units.
func fromStripe(code string, units int64) (int64, error) {
	u, err := unitOf(code)
	if err != nil {
		return 0, err
	}
	if units < 0 || units > money.Max/u.divide || units%u.multiply != 0 {
		return 0, fmt.Errorf("%d is no amount of %s", units, code)
	}
	return units * u.divide / u.multiply, nil
}

// currencyCode returns the code of a currency as Stripe writes it.
func currencyCode(amount money.Money) string { return strings.ToLower(amount.Currency) }

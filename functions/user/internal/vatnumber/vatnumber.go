// Package vatnumber checks the form of value added tax identification numbers. It does not
// check that a number was issued: that needs the service of a tax authority, such as VIES.
package vatnumber

import (
	"errors"
	"regexp"
	"strings"
	"unicode"
)

// errForm is the error for a text that is not a VAT number.
var errForm = errors.New("must be a VAT number that begins with its country, such as DE123456789: of a member state of the European Union (Greece is EL), Northern Ireland (XI), the United Kingdom, Norway or Switzerland")

// forms are the forms of the numbers after the prefix of their country. Those of the member
// states are from https://ec.europa.eu/taxation_customs/vies/#/faq (question 11), those of
// Norway and Switzerland from their registers of organisations.
var forms = compile(map[string]string{
	"AT": `U[0-9]{8}`,
	"BE": `[01][0-9]{9}`,
	"BG": `[0-9]{9,10}`,
	"CH": `E[0-9]{9}(MWST|TVA|IVA)?`,
	"CY": `[0-9]{8}[A-Z]`,
	"CZ": `[0-9]{8,10}`,
	"DE": `[0-9]{9}`,
	"DK": `[0-9]{8}`,
	"EE": `[0-9]{9}`,
	"EL": `[0-9]{9}`,
	"ES": `([A-Z][0-9]{7}[A-Z0-9]|[0-9]{8}[A-Z])`,
	"FI": `[0-9]{8}`,
	"FR": `[A-HJ-NP-Z0-9]{2}[0-9]{9}`,
	"GB": `([0-9]{9}|[0-9]{12}|(GD|HA)[0-9]{3})`,
	"HR": `[0-9]{11}`,
	"HU": `[0-9]{8}`,
	"IE": `([0-9]{7}[A-W][A-I]?|[0-9][A-Z+*][0-9]{5}[A-W])`,
	"IT": `[0-9]{11}`,
	"LT": `([0-9]{9}|[0-9]{12})`,
	"LU": `[0-9]{8}`,
	"LV": `[0-9]{11}`,
	"MT": `[0-9]{8}`,
	"NL": `[A-Z0-9+*]{9}B[A-Z0-9+*]{2}`,
	"NO": `[0-9]{9}(MVA)?`,
	"PL": `[0-9]{10}`,
	"PT": `[0-9]{9}`,
	"RO": `[0-9]{2,10}`,
	"SE": `[0-9]{10}01`,
	"SI": `[0-9]{8}`,
	"SK": `[0-9]{10}`,
	"XI": `([0-9]{9}|[0-9]{12}|(GD|HA)[0-9]{3})`,
})

func compile(patterns map[string]string) map[string]*regexp.Regexp {
	compiled := map[string]*regexp.Regexp{}
	for country, pattern := range patterns {
		compiled[country] = regexp.MustCompile(`^` + pattern + `$`)
	}
	return compiled
}

// Parse returns a VAT number in capital letters and without the separators of its printed
// form, or an error.
func Parse(s string) (string, error) {
	number := strings.Map(func(r rune) rune {
		if r == '.' || r == '-' || unicode.Is(unicode.Zs, r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, s)
	const prefix = 2 // the bytes of a country
	if len(number) <= prefix {
		return "", errForm
	}
	form, known := forms[number[:prefix]]
	if !known || !form.MatchString(number[prefix:]) {
		return "", errForm
	}
	return number, nil
}

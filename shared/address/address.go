// Package address implements postal addresses: one type with one set of rules for the
// address book, orders and invoices.
//
// The rules are valid in every country. About 60 countries have no postal codes and most
// have no states, so both are optional everywhere; a list of countries that require them
// would be wrong for some customers.
package address

import (
	"errors"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/text"
)

// PostalAddress is the address of a parcel.
type PostalAddress struct {
	Name       string `json:"name" minLength:"1" maxLength:"200" doc:"The name of the recipient." example:"Amira Haddad"`
	Company    string `json:"company,omitempty" maxLength:"200" example:"Haddad Trading"`
	Line1      string `json:"line1" minLength:"1" maxLength:"200" example:"12 Market Street"`
	Line2      string `json:"line2,omitempty" maxLength:"200" example:"Third floor"`
	PostalCode string `json:"postalCode,omitempty" maxLength:"20" doc:"The postal code, in countries that have postal codes." example:"10115"`
	City       string `json:"city" minLength:"1" maxLength:"100" example:"Berlin"`
	Region     string `json:"region,omitempty" maxLength:"100" doc:"State, province, prefecture or county, where addresses of the country have one." example:"Brandenburg"`
	Country    string `json:"country" pattern:"^[A-Z]{2}$" patternDescription:"a country code of two capital letters" doc:"ISO 3166-1 alpha-2 code." example:"DE"`
	Phone      string `json:"phone,omitempty" maxLength:"40" doc:"With the country code (ITU-T E.164). Spaces, hyphens, dots and brackets are removed." example:"+493012345678"`
}

// Patch is a change of an address. It does not change fields that are nil.
type Patch struct {
	Name       *string `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"The name of the recipient." example:"Amira Haddad"`
	Company    *string `json:"company,omitempty" nullable:"true" maxLength:"200" example:"Haddad Trading"`
	Line1      *string `json:"line1,omitempty" minLength:"1" maxLength:"200" example:"12 Market Street"`
	Line2      *string `json:"line2,omitempty" nullable:"true" maxLength:"200" example:"Third floor"`
	PostalCode *string `json:"postalCode,omitempty" nullable:"true" maxLength:"20" doc:"The postal code, in countries that have postal codes." example:"10115"`
	City       *string `json:"city,omitempty" minLength:"1" maxLength:"100" example:"Berlin"`
	Region     *string `json:"region,omitempty" nullable:"true" maxLength:"100" doc:"State, province, prefecture or county, where addresses of the country have one." example:"Brandenburg"`
	Country    *string `json:"country,omitempty" pattern:"^[A-Z]{2}$" patternDescription:"a country code of two capital letters" doc:"ISO 3166-1 alpha-2 code." example:"DE"`
	Phone      *string `json:"phone,omitempty" nullable:"true" maxLength:"40" doc:"With the country code (ITU-T E.164). Spaces, hyphens, dots and brackets are removed." example:"+493012345678"`
}

// field is one field of an address.
type field struct {
	name     string
	value    *string // nil if the request does not have it
	required bool
	// rule normalizes the value.
	rule func(string) (string, error)
}

func (p *Patch) fields() []field {
	return []field{
		{"name", p.Name, true, text.Line},
		{"company", p.Company, false, text.Line},
		{"line1", p.Line1, true, text.Line},
		{"line2", p.Line2, false, text.Line},
		{"postalCode", p.PostalCode, false, text.Line},
		{"city", p.City, true, text.Line},
		{"region", p.Region, false, text.Line},
		{"country", p.Country, true, country},
		{"phone", p.Phone, false, Phone},
	}
}

// asPatch returns a patch that points to the fields of the address.
func (a *PostalAddress) asPatch() *Patch {
	return &Patch{
		Name: &a.Name, Company: &a.Company, Line1: &a.Line1, Line2: &a.Line2, PostalCode: &a.PostalCode,
		City: &a.City, Region: &a.Region, Country: &a.Country, Phone: &a.Phone,
	}
}

// Apply applies the patch to an address.
func (p *Patch) Apply(a *PostalAddress) {
	targets := a.asPatch().fields()
	for i, f := range p.fields() {
		if f.value != nil {
			*targets[i].value = *f.value
		}
	}
}

// Resolve normalizes the address of a request and returns the errors that the schema cannot
// express. huma calls it.
func (a *PostalAddress) Resolve(ctx huma.Context, path *huma.PathBuffer) []error {
	return a.asPatch().Resolve(ctx, path)
}

// Resolve is like PostalAddress.Resolve, for the fields of the patch.
func (p *Patch) Resolve(_ huma.Context, path *huma.PathBuffer) []error {
	var errs []error
	for _, f := range p.fields() {
		if f.value == nil || *f.value == "" { // cleared, or refused by the schema
			continue
		}
		if err := f.normalize(path.With(f.name)); err != nil {
			errs = append(errs, *err)
		}
	}
	return errs
}

// Check returns an error for each field that violates the current rules, as a stored
// address may. The locations are the names of the fields.
func (a PostalAddress) Check() []api.FieldError {
	var errs []api.FieldError
	for _, f := range a.asPatch().fields() {
		if *f.value == "" {
			if f.required {
				errs = append(errs, api.FieldError{Location: f.name, Code: api.FieldRequired, Message: "is required"})
			}
			continue
		}
		if err := f.normalize(f.name); err != nil {
			errs = append(errs, *err)
		}
	}
	return errs
}

func (f field) normalize(location string) *api.FieldError {
	value, err := f.rule(*f.value)
	if err != nil {
		return &api.FieldError{Location: location, Code: code(err), Message: err.Error()}
	}
	*f.value = value
	return nil
}

// code returns the field error code for the error of a rule.
func code(err error) string {
	switch {
	case errors.Is(err, text.ErrBlank):
		return api.FieldBlank
	case errors.Is(err, text.ErrInvisible):
		return api.FieldInvisible
	case errors.Is(err, text.ErrControl):
		return api.FieldControl
	case errors.Is(err, text.ErrEncoding):
		return api.FieldEncoding
	default:
		return api.FieldFormat
	}
}

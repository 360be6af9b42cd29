package order

import (
	"encoding/json"
	"fmt"

	"souk/shared/address"
)

// Contact is the person who orders, as entered with the order. Orders of accounts have at most a
// billing address: the account has the rest.
type Contact struct {
	Email          string                 `json:"email,omitempty" doc:"The e-mail address of a guest." example:"amira@example.com"`
	Name           string                 `json:"name,omitempty" doc:"The name of a guest." example:"Amira Haddad"`
	BillingAddress *address.PostalAddress `json:"billingAddress,omitempty" doc:"The address on the invoice. It is absent after the personal data of the order was erased."`
}

// contactColumns are the columns of a contact.
const contactColumns = `email, contact_name, billing_address`

// contactRow is a contact as it is stored.
type contactRow struct {
	email, name    *string
	billingAddress []byte
}

// scanInto returns where contactColumns are scanned into.
func (r *contactRow) scanInto() []any { return []any{&r.email, &r.name, &r.billingAddress} }

// contact decodes a row.
func (r *contactRow) contact() (c Contact, err error) {
	if r.email != nil {
		c.Email = *r.email
	}
	if r.name != nil {
		c.Name = *r.name
	}
	c.BillingAddress, err = decodeNullable[address.PostalAddress](r.billingAddress)
	return c, err
}

// contactValues returns the values of contactColumns.
func (c *Contact) contactValues() ([]any, error) {
	billing, err := encodeNullable(c.BillingAddress)
	return []any{nullableText(c.Email), nullableText(c.Name), billing}, err
}

// nullableText returns the value of a nullable column for a text: NULL for "".
func nullableText(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// encodeNullable returns the value of a nullable column with JSON: NULL for nil.
func encodeNullable[T any](value *T) ([]byte, error) {
	if value == nil {
		return nil, nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode %T: %w", value, err)
	}
	return text, nil
}

// decodeNullable returns the value of a nullable column with JSON: nil for NULL.
func decodeNullable[T any](column []byte) (value *T, err error) {
	if column == nil {
		return nil, nil //nolint:nilnil // as documented
	}
	if err := json.Unmarshal(column, &value); err != nil {
		return nil, fmt.Errorf("decode %T: %w", value, err)
	}
	return value, nil
}

package product

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"regexp"

	"github.com/danielgtaylor/huma/v2"
)

// Limits of a product's images and attributes.
const (
	maxImages         = 20
	maxImageURL       = 1000
	maxAttributes     = 50
	maxAttributeText  = 500
	maxAttributeValue = 1<<53 - 1 // exact in every JSON decoder (RFC 8259, section 6)
)

// imagePattern excludes ASCII white space, which separates URLs in a CSV file, and
// control characters.
const imagePattern = `^https?://[^\s\x00-\x1f\x7f-\x9f]+$`

// Images are the URLs of a product's pictures, the main one first.
type Images []string

// Schema returns the schema of images.
func (Images) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeArray, MaxItems: new(maxImages), Description: "URLs of images, the main image first.",
		Items:    &huma.Schema{Type: huma.TypeString, Pattern: imagePattern, PatternDescription: "an http or https URL without white space", MaxLength: new(maxImageURL)},
		Examples: []any{[]string{"https://images.example.com/assam.webp"}},
	}
}

// orEmpty returns an empty list for nil, so that its JSON is [] and not null.
func (i Images) orEmpty() Images {
	if i == nil {
		return Images{}
	}
	return i
}

// Value implements driver.Valuer: images are stored as JSON.
func (i Images) Value() (driver.Value, error) { return jsonText(i.orEmpty()) }

// Scan implements sql.Scanner.
func (i *Images) Scan(column any) error {
	if isJSON(column, "[]") {
		*i = Images{}
		return nil
	}
	return scanJSON(column, i)
}

// Attributes are further properties of a product, by name: strings, numbers and
// booleans.
type Attributes map[string]any

// Schema returns the schema of attributes.
func (Attributes) Schema(huma.Registry) *huma.Schema {
	bound := float64(maxAttributeValue)
	value := &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeString, MaxLength: new(maxAttributeText)},
		{Type: huma.TypeNumber, Minimum: new(-bound), Maximum: new(bound)},
		{Type: huma.TypeBoolean},
	}}
	value.PrecomputeMessages() // huma does this only for named properties
	return &huma.Schema{
		Type: huma.TypeObject, MaxProperties: new(maxAttributes),
		Description:          "Further properties of the product, by name. A value is a string, a number or a boolean.",
		AdditionalProperties: value,
		Examples:             []any{map[string]any{"origin": "Assam", "weightGrams": 250, "organic": true}},
	}
}

var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// areNamed reports whether all names are valid, which the schema cannot express.
func (a Attributes) areNamed() bool {
	for name := range a {
		if !attributeName.MatchString(name) {
			return false
		}
	}
	return true
}

const attributeNameMessage = "an attribute's name must begin with a letter, followed by up to 63 letters, digits, dots, underscores or hyphens"

// orEmpty returns an empty map for nil, so that its JSON is {} and not null.
func (a Attributes) orEmpty() Attributes {
	if a == nil {
		return Attributes{}
	}
	return a
}

// Value implements driver.Valuer: attributes are stored as JSON.
func (a Attributes) Value() (driver.Value, error) { return jsonText(a.orEmpty()) }

// Scan implements sql.Scanner.
func (a *Attributes) Scan(column any) error {
	if isJSON(column, "{}") {
		*a = Attributes{}
		return nil
	}
	return scanJSON(column, a)
}

// jsonText returns a value's JSON as a string, because MySQL does not accept binary
// data in a JSON column.
func jsonText(value any) (driver.Value, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

// isJSON reports whether a column is a text. Most products have empty details, which a list
// need not decode.
func isJSON(column any, text string) bool {
	value, ok := column.([]byte)
	return ok && string(value) == text
}

func scanJSON(column, into any) error {
	text, ok := column.([]byte)
	if !ok {
		return fmt.Errorf("decode JSON of a product: unexpected type %T of the column", column)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("decode JSON of a product: %w", err)
	}
	return nil
}

package product

import (
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/danielgtaylor/huma/v2"
)

// Bounds of what a product has beside its texts.
const (
	maxImages         = 20
	maxImageURL       = 1000
	maxAttributes     = 50
	maxAttributeText  = 500
	maxAttributeValue = 1<<53 - 1 // what every JSON reader keeps exact
)

// imagePattern allows neither ASCII white space, which separates URLs in an import of
// CSV, nor control characters.
const imagePattern = `^https?://[^\s\x00-\x1f\x7f-\x9f]+$`

// Images are the URLs of a product's pictures, the main one first.
type Images []string

// Schema tells what images may be.
func (Images) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type: huma.TypeArray, MaxItems: new(maxImages), Description: "URLs of pictures, the main one first.",
		Items:    &huma.Schema{Type: huma.TypeString, Pattern: imagePattern, PatternDescription: "an http or https URL without white space", MaxLength: new(maxImageURL)},
		Examples: []any{[]string{"https://images.example.com/assam.webp"}},
	}
}

// orNone makes nil the empty list, which is [] in JSON and not null.
func (i Images) orNone() Images {
	if i == nil {
		return Images{}
	}
	return i
}

// Value is how the database keeps images.
func (i Images) Value() (driver.Value, error) { return jsonText(i.orNone()) }

// Scan reads what Value has written.
func (i *Images) Scan(column any) error { return scanJSON(column, i) }

// Attributes are whatever else the shop tells of a product: strings, numbers and
// truth values by name.
type Attributes map[string]any

// Schema tells what attributes may be.
func (Attributes) Schema(huma.Registry) *huma.Schema {
	most := float64(maxAttributeValue)
	value := &huma.Schema{OneOf: []*huma.Schema{
		{Type: huma.TypeString, MaxLength: new(maxAttributeText)},
		{Type: huma.TypeNumber, Minimum: new(-most), Maximum: new(most)},
		{Type: huma.TypeBoolean},
	}}
	value.PrecomputeMessages() // huma does so for properties with a name alone
	return &huma.Schema{
		Type: huma.TypeObject, MaxProperties: new(maxAttributes),
		Description:          "Whatever else there is to tell: strings, numbers and truth values by name.",
		AdditionalProperties: value,
		Examples:             []any{map[string]any{"origin": "Assam", "weightGrams": 250, "organic": true}},
	}
}

var attributeName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.-]{0,63}$`)

// check refuses what the schema cannot: names that are none.
func (a Attributes) check() error {
	for name := range a {
		if !attributeName.MatchString(name) {
			return errors.New("a name must be a letter and up to 63 letters, digits, _, . or -")
		}
	}
	return nil
}

// orNone makes nil the empty object, which is {} in JSON and not null.
func (a Attributes) orNone() Attributes {
	if a == nil {
		return Attributes{}
	}
	return a
}

// Value is how the database keeps attributes.
func (a Attributes) Value() (driver.Value, error) { return jsonText(a.orNone()) }

// Scan reads what Value has written.
func (a *Attributes) Scan(column any) error { return scanJSON(column, a) }

// jsonText is JSON as a string: MySQL takes bytes for what is no text.
func jsonText(value any) (driver.Value, error) {
	text, err := json.Marshal(value)
	return string(text), err
}

func scanJSON(column, into any) error {
	text, ok := column.([]byte)
	if !ok {
		return fmt.Errorf("read JSON of a product: the column is a %T", column)
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read JSON of a product: %w", err)
	}
	return nil
}

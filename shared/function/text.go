package function

import (
	"errors"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/text"
)

// Formats of strings whose text rule is not that of a single line. Strings with another
// format, a pattern or an enumeration are checked by that only.
const (
	// Multiline is the format of text that may have several lines.
	Multiline = "multiline"
	// Label is the format of a single line that is compared with others, such as a tag: it has no
	// invisible characters.
	Label = "label"
	// Password is the format of secrets, which must reach the operation unchanged.
	// It is OpenAPI's (https://spec.openapis.org/registry/format/password.html).
	Password = "password"
)

var errEncoding = text.ErrEncoding

// checkText returns the value, normalized by the text rule of its schema.
func checkText(schema *huma.Schema, value string) (string, error) {
	var rule func(string) (string, error)
	switch {
	case schema.Type != huma.TypeString:
		return value, nil
	case schema.Format == Multiline:
		rule = text.Multiline
	case schema.Format == Label:
		rule = text.Label
	case schema.Format == "" && schema.Pattern == "" && len(schema.Enum) == 0 && schema.Const == nil:
		rule = text.Line
	case !utf8.ValidString(value):
		return "", text.ErrEncoding
	default:
		return value, nil
	}
	return rule(value)
}

// textError returns the field error of an error of checkText.
func textError(location string, err error) *api.FieldError {
	code := api.FieldControl
	switch {
	case errors.Is(err, text.ErrInvisible):
		code = api.FieldInvisible
	case errors.Is(err, text.ErrBlank):
		code = api.FieldBlank
	case errors.Is(err, text.ErrEncoding):
		code = api.FieldEncoding
	}
	return &api.FieldError{Location: location, Code: code, Message: err.Error()}
}

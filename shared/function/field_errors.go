package function

import (
	"errors"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
)

// validationMessage maps a message of huma's validation to the code and the text for
// clients. huma has no codes, and quotes regular expressions and the errors of Go's parsers.
type validationMessage struct {
	// prefix and suffix surround the variable part of huma's message.
	prefix, suffix string
	code           string
	// text is for clients. %s is the variable part.
	text string
}

// validationMessages is in the order in which prefixes are compared. TestFieldErrorCodes
// compares it with huma's messages.
var validationMessages = []validationMessage{
	{"expected required property ", " to be present", api.FieldRequired, "is required"},
	{"required ", " parameter is missing", api.FieldRequired, "is required"},
	{"request body is required", "", api.FieldRequired, "is required"},
	{"expected property ", "", api.FieldRequired, "is required together with another field"},
	{"expected propertyName value", "", api.FieldRequired, "is missing its discriminator field"},
	{"unexpected property", "", api.FieldUnknown, "unknown field"},
	{"unknown query parameter", "", api.FieldUnknown, "unknown query parameter"},

	{"expected boolean", "", api.FieldType, "must be true or false"},
	{"expected integer", "", api.FieldType, "must be an integer"},
	{"expected string to be RFC 3339 date-time", "", api.FieldFormat, "must be an RFC 3339 time, such as 2026-03-01T09:30:00Z"},
	{"expected string to be RFC 1123 date-time", "", api.FieldFormat, "must be an HTTP date"},
	{"expected string to be RFC 3339 date", "", api.FieldFormat, "must be a date, such as 2026-03-01"},
	{"expected string to be RFC 3339 time", "", api.FieldFormat, "must be a time of day, such as 09:30:00"},
	{"expected string to be RFC 5322 email", "", api.FieldFormat, "must be an e-mail address"},
	{"expected string to be RFC 5890 hostname", "", api.FieldFormat, "must be a host name"},
	{"expected string to be RFC 2673 ipv4", "", api.FieldFormat, "must be an IPv4 address"},
	{"expected string to be RFC 2373 ipv6", "", api.FieldFormat, "must be an IPv6 address"},
	{"expected string to be either RFC 2673", "", api.FieldFormat, "must be an IP address"},
	{"expected string to be RFC 3986 uri", "", api.FieldFormat, "must be a URL"},
	{"expected string to be RFC 4122 uuid", "", api.FieldFormat, "must be a UUID, such as 0199c0de-0000-7000-8000-000000000001"},
	{"expected string to be RFC 6570 uri-template", "", api.FieldFormat, "must be a URI template"},
	{"expected string to be RFC 6901 json-pointer", "", api.FieldFormat, "must be a JSON pointer"},
	{"expected string to be RFC 6901 relative-json-pointer", "", api.FieldFormat, "must be a relative JSON pointer"},
	{"expected string to be regex", "", api.FieldFormat, "must be a regular expression"},
	{"expected string to be base64 encoded", "", api.FieldFormat, "must be base64"},
	{"expected string to match pattern ", "", api.FieldFormat, "does not have the required format"},
	{"expected string to be ", "", api.FieldFormat, "must be %s"}, // the patternDescription of a field
	{"expected string", "", api.FieldType, "must be a string"},
	{"expected array items to be unique", "", api.FieldDuplicate, "must not have the same element more than once"},
	{"expected array length >= ", "", api.FieldTooFew, "must have at least %s elements"},
	{"expected array length <= ", "", api.FieldTooMany, "must have at most %s elements"},
	{"expected array", "", api.FieldType, "must be an array"},
	{"expected object with at least ", " properties", api.FieldTooFew, "must have at least %s fields"},
	{"expected object with at most ", " properties", api.FieldTooMany, "must have at most %s fields"},
	{"expected object", "", api.FieldType, "must be an object"},
	{"expected duration", "", api.FieldFormat, "must be a duration, such as 1h30m"},

	{"expected number >= ", "", api.FieldRange, "must be %s or more"},
	{"expected number > ", "", api.FieldRange, "must be more than %s"},
	{"expected number <= ", "", api.FieldRange, "must be %s or less"},
	{"expected number < ", "", api.FieldRange, "must be less than %s"},
	{"expected number to be a multiple of ", "", api.FieldRange, "must be a multiple of %s"},
	{"expected number", "", api.FieldType, "must be a number"},
	{"expected length >= ", "", api.FieldTooShort, "must have at least %s characters"},
	{"expected length <= ", "", api.FieldTooLong, "must have at most %s characters"},

	{"expected value to be one of ", "", api.FieldValue, "must be one of %s"},
	{"expected value to be ", "", api.FieldValue, "must be %s"},
	{"expected value to not match schema", "", api.FieldValue, "is not an allowed value"},
	{"expected value to match ", "", api.FieldType, "has none of the allowed types"},
	{"expected at most one value", "", api.FieldDuplicate, "must occur at most once"},

	{"invalid integer", "", api.FieldType, "must be an integer"},
	{"invalid float", "", api.FieldType, "must be a number"},
	{"invalid boolean", "", api.FieldType, "must be true or false"},
	{"invalid date/time", "", api.FieldFormat, "must be an RFC 3339 time, such as 2026-03-01T09:30:00Z"},
	{"invalid url", "", api.FieldFormat, "must be a URL"},
	{"invalid value", "", api.FieldFormat, "does not have the required format"},
	{undecodable, "", api.FieldType, "a value has the wrong type"},
}

// fieldError returns the field error for an error of huma's validation or of a Resolve
// method.
func fieldError(ctx huma.Context, err error) api.FieldError {
	if e, ok := errors.AsType[api.FieldError](err); ok {
		return e
	}
	var detailer huma.ErrorDetailer
	if !errors.As(err, &detailer) {
		return api.FieldError{Location: "body", Code: api.FieldSyntax, Message: "is not valid JSON"}
	}
	detail := detailer.ErrorDetail()
	for _, m := range validationMessages {
		variable, ok := m.variable(detail.Message)
		if !ok {
			continue
		}
		e := api.FieldError{Location: detail.Location, Code: m.code, Message: strings.ReplaceAll(m.text, "%s", plain(variable))}
		switch {
		case m.code == api.FieldRequired && m.suffix == " to be present":
			e.Location += "." + variable
		case m.code == api.FieldTooShort && variable == "1":
			e.Code, e.Message = api.FieldBlank, "must not be blank"
		case m.prefix == "invalid value" && isUUID(ctx, detail.Location):
			e.Message = "must be a UUID, such as 0199c0de-0000-7000-8000-000000000001"
		}
		return e
	}
	return api.FieldError{Location: detail.Location, Code: api.FieldFormat, Message: detail.Message}
}

// variable returns the variable part of a message of this kind.
func (m validationMessage) variable(message string) (string, bool) {
	remaining, ok := strings.CutPrefix(message, m.prefix)
	if !ok {
		return "", false
	}
	return strings.CutSuffix(remaining, m.suffix)
}

// plain returns numbers without exponent and enumerations without quotes.
func plain(variable string) string {
	if f, err := strconv.ParseFloat(variable, 64); err == nil {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return strings.Trim(variable, `"`)
}

// isUUID reports whether the parameter at location is a UUID.
func isUUID(ctx huma.Context, location string) bool {
	in, name, _ := strings.Cut(location, ".")
	if ctx == nil {
		return false
	}
	parameter := findParameter(ctx.Operation(), in, name)
	return parameter != nil && parameter.Schema != nil && parameter.Schema.Format == "uuid"
}

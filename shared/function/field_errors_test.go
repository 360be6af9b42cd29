package function

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"souk/shared/api"
)

// validationCodes has every message of huma's validation, with its variable parts filled in,
// and its code.
var validationCodes = map[string]string{
	validation.MsgUnexpectedProperty:                            api.FieldUnknown,
	validation.MsgExpectedRFC3339DateTime:                       api.FieldFormat,
	validation.MsgExpectedRFC1123DateTime:                       api.FieldFormat,
	validation.MsgExpectedRFC3339Date:                           api.FieldFormat,
	validation.MsgExpectedRFC3339Time:                           api.FieldFormat,
	with(validation.MsgExpectedRFC5322Email, internal):          api.FieldFormat,
	validation.MsgExpectedRFC5890Hostname:                       api.FieldFormat,
	validation.MsgExpectedRFC2673IPv4:                           api.FieldFormat,
	validation.MsgExpectedRFC2373IPv6:                           api.FieldFormat,
	validation.MsgExpectedRFCIPAddr:                             api.FieldFormat,
	with(validation.MsgExpectedRFC3986URI, internal):            api.FieldFormat,
	with(validation.MsgExpectedRFC4122UUID, internal):           api.FieldFormat,
	validation.MsgExpectedRFC6570URITemplate:                    api.FieldFormat,
	validation.MsgExpectedRFC6901JSONPointer:                    api.FieldFormat,
	validation.MsgExpectedRFC6901RelativeJSONPointer:            api.FieldFormat,
	with(validation.MsgExpectedRegexp, internal):                api.FieldFormat,
	validation.MsgExpectedMatchAtLeastOneSchema:                 api.FieldType,
	validation.MsgExpectedMatchExactlyOneSchema:                 api.FieldType,
	validation.MsgExpectedNotMatchSchema:                        api.FieldValue,
	validation.MsgExpectedPropertyNameInObject:                  api.FieldRequired,
	validation.MsgExpectedBoolean:                               api.FieldType,
	with(validation.MsgExpectedDuration, internal):              api.FieldFormat,
	validation.MsgExpectedNumber:                                api.FieldType,
	validation.MsgExpectedInteger:                               api.FieldType,
	validation.MsgExpectedString:                                api.FieldType,
	validation.MsgExpectedBase64String:                          api.FieldFormat,
	validation.MsgExpectedArray:                                 api.FieldType,
	validation.MsgExpectedObject:                                api.FieldType,
	validation.MsgExpectedArrayItemsUnique:                      api.FieldDuplicate,
	with(validation.MsgExpectedOneOf, "a, b"):                   api.FieldValue,
	with(validation.MsgExpectedConst, 1):                        api.FieldValue,
	with(validation.MsgExpectedMinimumNumber, 1e9):              api.FieldRange,
	with(validation.MsgExpectedExclusiveMinimumNumber, 1.0):     api.FieldRange,
	with(validation.MsgExpectedMaximumNumber, 1e9):              api.FieldRange,
	with(validation.MsgExpectedExclusiveMaximumNumber, 1.0):     api.FieldRange,
	with(validation.MsgExpectedNumberBeMultipleOf, 5.0):         api.FieldRange,
	with(validation.MsgExpectedMinLength, 8):                    api.FieldTooShort,
	with(validation.MsgExpectedMinLength, 1):                    api.FieldBlank,
	with(validation.MsgExpectedMaxLength, 8):                    api.FieldTooLong,
	with(validation.MsgExpectedBePattern, "a country code"):     api.FieldFormat,
	with(validation.MsgExpectedMatchPattern, "^[A-Z]{2}$"):      api.FieldFormat,
	with(validation.MsgExpectedMinItems, 1):                     api.FieldTooFew,
	with(validation.MsgExpectedMaxItems, 50):                    api.FieldTooMany,
	with(validation.MsgExpectedMinProperties, 1):                api.FieldTooFew,
	with(validation.MsgExpectedMaxProperties, 50):               api.FieldTooMany,
	with(validation.MsgExpectedRequiredProperty, "name"):        api.FieldRequired,
	with(validation.MsgExpectedDependentRequiredProperty, 1, 2): api.FieldRequired,

	"required query parameter is missing": api.FieldRequired,
	"request body is required":            api.FieldRequired,
	"unknown query parameter":             api.FieldUnknown,
	"invalid integer":                     api.FieldType,
	"invalid float":                       api.FieldType,
	"invalid boolean":                     api.FieldType,
	"invalid value: " + internal:          api.FieldFormat,
	undecodable:                           api.FieldType,
}

// internal is a placeholder for the text of a parser's error.
const internal = "strconv.ParseInt: ^[A-Z]"

func with(format string, args ...any) string { return fmt.Sprintf(format, args...) }

func TestFieldErrorCodes(t *testing.T) {
	t.Parallel()
	for message, code := range validationCodes {
		e := fieldError(nil, &huma.ErrorDetail{Location: "body.a", Message: message, Value: "secret"})
		if e.Code != code || e.Message == "" {
			t.Errorf("%s: got %s %q, want %s", message, e.Code, e.Message, code)
		}
		if strings.ContainsAny(e.Message, "^%\"") || strings.Contains(e.Message, "strconv") || strings.Contains(e.Message, "secret") {
			t.Errorf("%s: the text is %q", message, e.Message)
		}
	}
	for message, want := range map[string]string{
		with(validation.MsgExpectedMaximumNumber, 1e9):     "must be 1000000000 or less",
		with(validation.MsgExpectedOneOf, "a, b"):          "must be one of a, b",
		with(validation.MsgExpectedBePattern, "a country"): "must be a country",
		with(validation.MsgExpectedMaxLength, 200):         "must have at most 200 characters",
	} {
		if got := fieldError(nil, &huma.ErrorDetail{Message: message}).Message; got != want {
			t.Errorf("%s: got %q, want %q", message, got, want)
		}
	}
	if e := fieldError(nil, &huma.ErrorDetail{Location: "body.a", Message: with(validation.MsgExpectedRequiredProperty, "b")}); e.Location != "body.a.b" {
		t.Errorf("a missing member is at %s, want body.a.b", e.Location)
	}
	own := api.FieldError{Location: "body.a", Code: api.FieldCommonPassword, Message: "too common"}
	if got := fieldError(nil, fmt.Errorf("check: %w", own)); got != own {
		t.Errorf("got %+v, want %+v", got, own)
	}
}

// TestFieldCodes compares the enumeration in the document with the codes in use.
func TestFieldCodes(t *testing.T) {
	t.Parallel()
	field, _ := reflect.TypeFor[api.FieldError]().FieldByName("Code")
	enum := "," + field.Tag.Get("enum") + ","
	for _, m := range validationMessages {
		if !strings.Contains(enum, ","+m.code+",") {
			t.Errorf("the enumeration of FieldError.Code does not have %s", m.code)
		}
	}
	for _, code := range []string{api.FieldNull, api.FieldDuplicate, api.FieldBlank, api.FieldControl, api.FieldEncoding, api.FieldSyntax, api.FieldCommonPassword} {
		if !strings.Contains(enum, ","+code+",") {
			t.Errorf("the enumeration of FieldError.Code does not have %s", code)
		}
	}
}

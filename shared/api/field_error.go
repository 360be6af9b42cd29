package api

// FieldError is one error of the input.
type FieldError struct {
	Location string `json:"location" doc:"The path of the value, such as body.items[0].quantity." example:"body.items[0].quantity"`
	Code     string `json:"code" enum:"required,null_not_allowed,unknown_field,duplicate_field,invalid_type,invalid_format,not_allowed,out_of_range,too_short,too_long,too_few_items,too_many_items,blank,control_character,invisible_character,invalid_utf8,invalid_syntax,common_password" doc:"The error, for programs. Codes do not change." example:"out_of_range"`
	Message  string `json:"message" doc:"A description of the error." example:"must be 1 or more"`
}

// Error returns the location, the code and the text. A resolver returns a FieldError for
// a rule that a schema cannot express.
func (e FieldError) Error() string { return e.Location + ": " + e.Code + ": " + e.Message }

// Codes of field errors. The enumeration of FieldError.Code lists them for the document.
const (
	FieldRequired       = "required"         // the member, parameter or header is missing
	FieldNull           = "null_not_allowed" // null where there is no empty value
	FieldUnknown        = "unknown_field"    // no member or parameter of that name
	FieldDuplicate      = "duplicate_field"  // one name or one value twice
	FieldType           = "invalid_type"     // a string where a number belongs
	FieldFormat         = "invalid_format"   // not a UUID, a currency code, an e-mail address
	FieldValue          = "not_allowed"      // not one of the possible values, or not in combination with others
	FieldRange          = "out_of_range"     // a number below its minimum or above its maximum
	FieldTooShort       = "too_short"        // fewer characters than the minimum
	FieldTooLong        = "too_long"         // more characters or bytes than the maximum
	FieldTooFew         = "too_few_items"    // fewer elements than the minimum
	FieldTooMany        = "too_many_items"   // more elements or members than the maximum
	FieldBlank          = "blank"            // no visible character
	FieldControl        = "control_character"
	FieldInvisible      = "invisible_character"
	FieldEncoding       = "invalid_utf8"
	FieldSyntax         = "invalid_syntax"  // the body, the line or the query cannot be parsed
	FieldCommonPassword = "common_password" // a password that is easy to guess
)

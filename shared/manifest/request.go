package manifest

import (
	"fmt"
	"net/http"
	"slices"
)

// Idempotency is the rule for the Idempotency-Key of requests to an HTTP function.
type Idempotency string

// The rules for keys. functions.yaml has those that differ from a function's default.
const (
	// KeyOptional accepts a key: the default of an authenticated POST.
	KeyOptional Idempotency = "optional"
	// KeyRequired refuses requests without a key.
	KeyRequired Idempotency = "required"
	// NoKey ignores the header: the default of every other function. Keys are scoped
	// by caller, so a function that anyone may call cannot store responses; and its
	// responses may contain tokens.
	NoKey Idempotency = "none"
)

// IdempotencyRule returns the rule for the function's keys.
func (f Function) IdempotencyRule() Idempotency {
	switch {
	case f.Idempotency != "":
		return f.Idempotency
	case f.Method() == http.MethodPost && f.Access != Anyone:
		return KeyOptional
	default:
		return NoKey
	}
}

// IsPublicRead reports whether the function is a GET that anyone may call.
func (f Function) IsPublicRead() bool {
	return f.Access == Anyone && f.Method() == http.MethodGet
}

// BodyLimit returns the size of the largest request body that the function accepts, in
// bytes.
func (f Function) BodyLimit() int64 {
	switch {
	case f.MaxBody > 0:
		return f.MaxBody
	case f.Access == Anyone:
		return DefaultMaxOpenBody
	default:
		return DefaultMaxBody
	}
}

func (f Function) checkRequest() []error {
	var errs []error
	if !slices.Contains([]Idempotency{"", KeyRequired, NoKey}, f.Idempotency) {
		errs = append(errs, fmt.Errorf("%s: need idempotency: required or none, got %q", f.Name, f.Idempotency))
	}
	if f.Idempotency != "" && (f.Method() != http.MethodPost || f.Access == Anyone) {
		errs = append(errs, fmt.Errorf("%s: idempotency is for an authenticated POST", f.Name))
	}
	return errs
}

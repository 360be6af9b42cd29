package manifest

import (
	"fmt"
	"net/http"
	"slices"
)

// Idempotency says whether requests of an HTTP function carry an Idempotency-Key.
type Idempotency string

// The rules there are. functions.yaml names those that are not a function's
// default.
const (
	// KeyOptional takes a key: the default of a POST whose caller is known.
	KeyOptional Idempotency = "optional"
	// KeyRequired refuses requests without one.
	KeyRequired Idempotency = "required"
	// NoKey leaves the header alone: the default of every other function. A key is
	// its caller's own, so where anyone may call there is nobody to keep an answer
	// for; and those answers hold tokens.
	NoKey Idempotency = "none"
)

// IdempotencyRule returns whether requests of the function carry a key.
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

// IsPublicRead reports whether the function is a read that needs no account.
func (f Function) IsPublicRead() bool {
	return f.Access == Anyone && f.Method() == http.MethodGet
}

// BodyLimit returns the longest request body that the function takes, in bytes.
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
	var faults []error
	if !slices.Contains([]Idempotency{"", KeyRequired, NoKey}, f.Idempotency) {
		faults = append(faults, fmt.Errorf("%s: need idempotency: required or none, got %q", f.Name, f.Idempotency))
	}
	if f.Idempotency != "" && (f.Method() != http.MethodPost || f.Access == Anyone) {
		faults = append(faults, fmt.Errorf("%s: idempotency is for a POST whose caller is known", f.Name))
	}
	return faults
}

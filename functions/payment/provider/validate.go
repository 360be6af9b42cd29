package provider

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"souk/shared/money"
)

// Bounds of the arguments, which all providers accept.
const (
	maxReference = 100
	maxReturnURL = 2048
	maxKey       = 255
)

// idPattern matches the ids of payments. An id is part of a path.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// Validate returns an error of ClassInvalid unless a payment can be created.
func (in Creation) Validate() error {
	u, err := url.Parse(in.ReturnURL)
	switch {
	case in.Reference == "" || len(in.Reference) > maxReference || !isVisible(in.Reference):
		return invalid(OperationCreate, "the reference must be 1 to %d visible ASCII characters", maxReference)
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(in.ReturnURL) > maxReturnURL:
		return invalid(OperationCreate, "the return URL must be absolute, with http or https, of at most %d bytes", maxReturnURL)
	case in.Capture != Automatic && in.Capture != Manual:
		return invalid(OperationCreate, "the capture mode must be %s or %s", Automatic, Manual)
	}
	if err := validateAmount(OperationCreate, in.Amount); err != nil {
		return err
	}
	return validateKey(OperationCreate, in.Key)
}

// ValidateID returns an error of ClassInvalid unless an id can be that of a payment.
func ValidateID(operation, id string) error {
	if !idPattern.MatchString(id) {
		return invalid(operation, "the id of the payment is not valid")
	}
	return nil
}

// ValidateWrite returns an error of ClassInvalid unless id, amount and key are valid.
func ValidateWrite(operation, id string, amount money.Money, key string) error {
	if err := ValidateID(operation, id); err != nil {
		return err
	}
	if err := validateAmount(operation, amount); err != nil {
		return err
	}
	return validateKey(operation, key)
}

// ValidateVoid returns an error of ClassInvalid unless id and key are valid.
func ValidateVoid(id, key string) error {
	if err := ValidateID(OperationVoid, id); err != nil {
		return err
	}
	return validateKey(OperationVoid, key)
}

// Limit returns the size of a page, or an error of ClassInvalid.
func (q Query) Limit() (int, error) {
	switch {
	case q.PageSize == 0:
		return MaxPageSize, nil
	case q.PageSize < 0 || q.PageSize > MaxPageSize:
		return 0, invalid(OperationList, "the page size must be from 1 to %d", MaxPageSize)
	default:
		return q.PageSize, nil
	}
}

func validateAmount(operation string, amount money.Money) error {
	if err := amount.Check(); err != nil || amount.Amount == 0 {
		return invalid(operation, "the amount must be 1 to %d minor units of a currency in use", int64(money.Max))
	}
	return nil
}

func validateKey(operation, key string) error {
	if key == "" || len(key) > maxKey || !isVisible(key) {
		return invalid(operation, "the idempotency key must be 1 to %d visible ASCII characters", maxKey)
	}
	return nil
}

func isVisible(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

func invalid(operation, format string, args ...any) error {
	return &Error{Class: ClassInvalid, Operation: operation, Detail: fmt.Sprintf(format, args...)}
}

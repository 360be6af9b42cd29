package provider

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// Class is what a caller does about an error: see the package's comment.
type Class string

// Classes of errors.
const (
	ClassDeclined  Class = "declined"
	ClassInvalid   Class = "invalid"
	ClassConflict  Class = "conflict"
	ClassTemporary Class = "temporary"
	ClassUnknown   Class = "unknown"
)

// Retryable reports whether the request can be repeated with the same key.
func (c Class) Retryable() bool { return c == ClassTemporary || c == ClassUnknown }

// Names of the operations in errors.
const (
	OperationCreate  = "create"
	OperationGet     = "get"
	OperationCapture = "capture"
	OperationVoid    = "void"
	OperationRefund  = "refund"
	OperationList    = "list"
)

// isWrite reports whether an operation has an effect.
func isWrite(operation string) bool { return operation != OperationGet && operation != OperationList }

// Error is the error of an operation.
type Error struct {
	Class     Class
	Operation string
	// Code is the provider's code for the error, if it sent one.
	Code string
	// Detail is for people. It contains no secret.
	Detail string
	// Err is the cause, if there was no response.
	Err error
}

// Error returns the operation, the class and the cause.
func (e *Error) Error() string {
	text := fmt.Sprintf("payment provider: %s: %s", e.Operation, e.Class)
	if e.Code != "" {
		text += " (" + e.Code + ")"
	}
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ClassOf returns the class of an error. That of an error which is not an Error is
// ClassUnknown.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return ClassUnknown
}

// NoResponse returns the error of a request without a usable response. It had no effect if it
// was not sent or only reads.
func NoResponse(operation string, err error) *Error {
	class := WithoutOutcome(operation)
	if isNotSent(err) {
		class = ClassTemporary
	}
	return &Error{Class: class, Operation: operation, Err: err}
}

// BadResponse returns the error of a response that is not as documented. The response may
// contain a secret, so the detail must not quote it.
func BadResponse(operation, detail string) *Error {
	return &Error{Class: WithoutOutcome(operation), Operation: operation, Detail: detail}
}

// WithoutOutcome returns the class of the error of an operation that may have had its effect, such
// as of a response with a status of 500 or more.
func WithoutOutcome(operation string) Class {
	if isWrite(operation) {
		return ClassUnknown
	}
	return ClassTemporary
}

// isNotSent reports whether there was no connection.
func isNotSent(err error) bool {
	operation, ok := errors.AsType[*net.OpError](err)
	return ok && operation.Op == "dial"
}

// maxDetail bounds a text of the provider in an error, in bytes.
const maxDetail = 300

// Redact returns a text of the provider for Error.Detail: bounded, and empty if it contains one
// of the secrets.
func Redact(text string, secrets ...string) string {
	for _, secret := range secrets {
		if secret != "" && strings.Contains(text, secret) {
			return ""
		}
	}
	if len(text) > maxDetail {
		text = strings.ToValidUTF8(text[:maxDetail], "") + "..."
	}
	return text
}

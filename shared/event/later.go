package event

import "errors"

// laterError is the error of Later.
type laterError struct{ error }

// Unwrap returns the reason.
func (e laterError) Unwrap() error { return e.error }

// Later returns err as the reason for which an event is to be redelivered in the usual course: what it needs
// is in use, or has not happened yet. It is logged as a warning, not as an error; a message that is
// redelivered too often becomes a dead letter either way.
func Later(err error) error { return laterError{err} }

// IsLater reports whether err is of Later.
func IsLater(err error) bool {
	_, later := errors.AsType[laterError](err)
	return later
}

package local

import (
	"errors"
	"fmt"
	"syscall"
)

// Advice is an error with advice for the user.
type Advice struct {
	Err error
	// Do is the advice, one or two sentences.
	Do string
}

// Error returns the error and the advice, each on its own line.
func (a *Advice) Error() string { return a.Err.Error() + "\n" + a.Do }

// Unwrap returns the error without the advice.
func (a *Advice) Unwrap() error { return a.Err }

func advise(err error, format string, args ...any) error {
	return &Advice{Err: err, Do: fmt.Sprintf(format, args...)}
}

// explain adds advice to errors of writing files.
func explain(err error, stateDir string) error {
	var advised *Advice
	switch {
	case err == nil || errors.As(err, &advised):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return advise(err, "The disk of %s is full. Delete files, or choose another folder with --state-dir.", stateDir)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES):
		return advise(err, "Choose a folder that you may write to with --state-dir.")
	}
	return err
}

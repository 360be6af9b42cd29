package local

import (
	"errors"
	"fmt"
	"syscall"
)

// Advice is an error that says what to do about it: the fault on one line, the
// way out on the next.
type Advice struct {
	Err error
	// Do is what helps, a sentence or two for the person at the terminal.
	Do string
}

// Error returns fault and advice, each on its own line.
func (a *Advice) Error() string { return a.Err.Error() + "\n" + a.Do }

// Unwrap returns the fault.
func (a *Advice) Unwrap() error { return a.Err }

func advise(err error, format string, args ...any) error {
	return &Advice{Err: err, Do: fmt.Sprintf(format, args...)}
}

// explain adds advice to faults that can come up anywhere a file is written.
func explain(err error, stateDir string) error {
	var advised *Advice
	switch {
	case err == nil || errors.As(err, &advised):
		return err
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return advise(err, "The disk of %s is full. Free some space, or keep the system's data elsewhere with --state-dir.", stateDir)
	case errors.Is(err, syscall.EROFS), errors.Is(err, syscall.EACCES):
		return advise(err, "Choose a folder that you may write to with --state-dir.")
	}
	return err
}

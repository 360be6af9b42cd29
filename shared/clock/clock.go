// Package clock lets code ask for the time in a way that a test can decide.
package clock

import "time"

// Clock tells the time.
type Clock func() time.Time

// System is the machine's clock in UTC, to the microsecond: what a DATETIME(6)
// column keeps, so that a time read back equals the time written.
func System() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Fixed returns a clock that stands still.
func Fixed(at time.Time) Clock { return func() time.Time { return at } }

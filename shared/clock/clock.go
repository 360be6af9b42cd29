// Package clock defines the source of the current time, which tests replace.
package clock

import "time"

// Clock returns the current time.
type Clock func() time.Time

// System returns the machine's time in UTC, truncated to microseconds: the precision of a
// DATETIME(6) column, so that a time that is read equals the time that was written.
func System() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// Fixed returns a clock that always returns the same time.
func Fixed(at time.Time) Clock { return func() time.Time { return at } }

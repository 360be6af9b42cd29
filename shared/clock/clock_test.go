package clock_test

import (
	"testing"
	"time"

	"souk/shared/clock"
)

func TestSystem(t *testing.T) {
	t.Parallel()
	before := time.Now().Truncate(time.Microsecond)
	now := clock.System()
	after := time.Now()
	if now.Before(before) || now.After(after) {
		t.Errorf("got %s, want a time from %s to %s", now, before, after)
	}
	if now.Location() != time.UTC {
		t.Errorf("the time is in %s, want UTC", now.Location())
	}
	if now.Nanosecond()%1000 != 0 {
		t.Errorf("%s is more precise than the microseconds of a column", now)
	}
}

func TestFixed(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	fixed := clock.Fixed(at)
	if first, second := fixed(), fixed(); !first.Equal(at) || !second.Equal(at) {
		t.Errorf("got %s, then %s, want %s both times", first, second, at)
	}
}

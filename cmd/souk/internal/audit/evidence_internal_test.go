package audit

import "testing"

// A type of event beyond maxEventTypes could not be counted.
func TestEveryEventTypeIsCounted(t *testing.T) {
	t.Parallel()
	if n := len(evidenceTypes); n < 6 || n > maxEventTypes {
		t.Errorf("there are %d types of events, want 6 to %d: raise maxEventTypes", n, maxEventTypes)
	}
}

package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxWait is the longest that a caller may have an answer held back.
const MaxWait = 30 * time.Second

// Prefer is the part of the input of an operation whose outcome is decided a
// moment later: the caller may have the answer wait for it (RFC 7240, 4.3).
type Prefer struct {
	Header string `header:"Prefer" doc:"wait=N holds the response back until the outcome is decided, N seconds at most. A replay under an Idempotency-Key does not wait." example:"wait=5"`
}

// Wait returns how long to hold the answer back, at most MaxWait, and what to
// answer as Preference-Applied: 0 and "" without the preference. A preference
// that makes no sense is ignored, as RFC 7240, section 2 wants.
func (p Prefer) Wait() (wait time.Duration, applied string) {
	for preference := range strings.SplitSeq(p.Header, ",") {
		preference, _, _ = strings.Cut(preference, ";") // parameters of the preference
		name, value, _ := strings.Cut(strings.TrimSpace(preference), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		seconds, err := strconv.Atoi(strings.Trim(strings.TrimSpace(value), `"`))
		if err != nil || seconds <= 0 {
			continue
		}
		wait = time.Duration(min(seconds, int(MaxWait/time.Second))) * time.Second
		return wait, fmt.Sprintf("wait=%d", int(wait/time.Second))
	}
	return 0, ""
}

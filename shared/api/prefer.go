package api

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// MaxWait bounds how long a response may be delayed on request of the caller.
const MaxWait = 30 * time.Second

// Prefer is the part of the input of an operation whose outcome is known only after its
// commit: the response may wait for it (RFC 7240, section 4.3).
type Prefer struct {
	Header string `header:"Prefer" doc:"wait=N delays the response until the result is known, for at most N seconds. A replayed response does not wait." example:"wait=5"`
}

// Wait returns how long to delay the response, at most MaxWait, and the value of
// Preference-Applied: 0 and "" without the preference. A malformed preference is
// ignored, as RFC 7240, section 2, requires.
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

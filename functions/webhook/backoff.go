package webhook

import (
	"math/rand/v2"
	"time"
)

const (
	// firstBackoff is the wait after the first failed attempt of a delivery. It doubles with each
	// attempt up to maxBackoff: about 0.5, 1, 2, 4 … minutes, then every 6 hours.
	firstBackoff, maxBackoff = 30 * time.Second, 6 * time.Hour
	// openAfter is how many attempts to an endpoint fail in a row before only one delivery is
	// attempted at a time (a circuit breaker), after a wait that doubles from firstPause to maxPause.
	// So an endpoint that is down gets few requests, and what has waited soon after it is back.
	openAfter            = 5
	firstPause, maxPause = 15 * time.Second, 5 * time.Minute
	// disableAfter is for how long all attempts must have failed before an endpoint is disabled.
	disableAfter = 5 * 24 * time.Hour
)

// backoff returns the wait after a number of failed attempts of a delivery, up to 20 % shorter or
// longer, so that deliveries that have failed together are not attempted together.
func backoff(attempts int) time.Duration {
	wait := doubled(firstBackoff, attempts-1, maxBackoff)
	return wait*4/5 + rand.N(wait*2/5)
}

// pause returns the wait of an endpoint after a number of failures in a row, at least openAfter.
func pause(failures int) time.Duration { return doubled(firstPause, failures-openAfter, maxPause) }

// doubled returns d doubled n times, at most limit.
func doubled(d time.Duration, n int, limit time.Duration) time.Duration {
	for range n {
		if d *= 2; d >= limit {
			return limit
		}
	}
	return min(d, limit)
}

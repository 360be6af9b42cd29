package pubsub

import (
	"context"
	"math/rand/v2"
	"time"
)

// sendTwice sends a message two times, as Pub/Sub does when it loses an
// acknowledgement or redelivers too early: one after the other, or both at once.
// The result is an acknowledgement only if both are.
func sendTwice(ctx context.Context, send func() outcome) outcome {
	pause := rand.N(shuffleDelay)
	if rand.IntN(2) == 0 {
		if first := send(); !first.acknowledged {
			return first
		}
		wait(ctx, pause)
		return send()
	}
	other := make(chan outcome, 1)
	go func() { wait(ctx, pause/4); other <- send() }()
	first, second := send(), <-other
	if !first.acknowledged {
		return first
	}
	return second
}

func wait(ctx context.Context, pause time.Duration) {
	select {
	case <-time.After(pause):
	case <-ctx.Done():
	}
}

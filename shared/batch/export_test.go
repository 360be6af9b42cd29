package batch

import "runtime"

// WaitQueued waits until n items are in the queue.
func WaitQueued[T any](b *Batcher[T], n int) {
	for {
		b.mu.Lock()
		queued := len(b.queue)
		b.mu.Unlock()
		if queued == n {
			return
		}
		runtime.Gosched()
	}
}

// WaitLed waits until the first item leads a batch.
func WaitLed[T any](b *Batcher[T]) {
	for {
		b.mu.Lock()
		led := b.leader != nil && len(b.queue) == 0
		b.mu.Unlock()
		if led {
			return
		}
		runtime.Gosched()
	}
}

package chaos

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// replay repeats every successful request with a key: the response must be the first one,
// byte for byte.
func (sh *shop) replay(t *testing.T) {
	t.Helper()
	var next atomic.Int64
	var replayed atomic.Int64
	var all sync.WaitGroup
	for range *clients {
		all.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(sh.requests); i = int(next.Add(1)) - 1 {
				r := sh.requests[i]
				if r.key == "" || r.response.status >= http.StatusBadRequest {
					continue
				}
				again := r.sendUntilFinal(t)
				requireSame(t, r, r.response, again)
				if !again.replayed {
					t.Errorf("%s %s with the key %s is not marked as a replay", r.method, r.path, r.key)
				}
				replayed.Add(1)
			}
		})
	}
	all.Wait()
	t.Logf("%d requests were repeated", replayed.Load())
}

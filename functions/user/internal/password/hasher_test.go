package password

import (
	"context"
	"errors"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"souk/functions/user/internal/password/passwordhash"
	"souk/functions/user/passwordtest"
	"souk/shared/api"
)

const goodPassword = "seven green bicycles"

func TestMain(m *testing.M) {
	passwordtest.UseLowestCost()
	os.Exit(m.Run())
}

// newHasher returns a hasher in which requests wait for a slot for as long as they need.
func newHasher() *Hasher { return NewHasher(DefaultSlots(), 64, 10*time.Minute) }

func TestHasher(t *testing.T) {
	t.Parallel()
	h := newHasher()
	hash, err := h.Hash(t.Context(), goodPassword)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("the same password matches its hash", func(t *testing.T) {
		t.Parallel()
		same, outdated, err := h.Check(t.Context(), goodPassword, hash)
		if err != nil || !same || outdated {
			t.Fatalf("got same %t, outdated %t, %v", same, outdated, err)
		}
	})
	t.Run("another password does not match", func(t *testing.T) {
		t.Parallel()
		if same, _, err := h.Check(t.Context(), goodPassword+" ", hash); err != nil || same {
			t.Fatalf("got same %t, %v", same, err)
		}
	})
	t.Run("each hash has another salt", func(t *testing.T) {
		t.Parallel()
		if again, err := h.Hash(t.Context(), goodPassword); err != nil || again == hash {
			t.Fatalf("got the same hash twice (%v)", err)
		}
	})
	t.Run("an invalid hash is an error", func(t *testing.T) {
		t.Parallel()
		if _, _, err := h.Check(t.Context(), goodPassword, "plain text"); err == nil {
			t.Fatal("got no error")
		}
	})
	t.Run("the placeholder hash has the current parameters and matches no password", func(t *testing.T) {
		t.Parallel()
		for _, password := range []string{"", goodPassword} {
			same, outdated, err := h.Check(t.Context(), password, passwordhash.Placeholder())
			if err != nil || same || outdated {
				t.Fatalf("got same %t, outdated %t, %v", same, outdated, err)
			}
		}
	})
	t.Run("a request waits for a slot, and stops waiting when it is cancelled", func(t *testing.T) {
		t.Parallel()
		busy := newHasher()
		for range cap(busy.slots) {
			busy.slots <- struct{}{}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := busy.Hash(ctx, goodPassword); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v, want context.Canceled", err)
		}
		<-busy.slots
		if _, err := busy.Hash(t.Context(), goodPassword); err != nil {
			t.Fatalf("with a free slot: %v", err)
		}
	})
}

func TestHasherFreesMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHasher()
		var calls atomic.Int64
		h.freeMemory.Stop()
		h.freeMemory = time.AfterFunc(freeMemoryAfter, func() { calls.Add(1) })
		for range 3 {
			if _, err := h.Hash(t.Context(), goodPassword); err != nil {
				t.Fatal(err)
			}
			time.Sleep(freeMemoryAfter - time.Millisecond)
			synctest.Wait()
			if calls.Load() > 0 {
				t.Fatal("memory is freed between successive hashes")
			}
		}
		time.Sleep(freeMemoryAfter)
		synctest.Wait()
		if n := calls.Load(); n != 1 {
			t.Errorf("memory was freed %d times, want 1", n)
		}
	})
}

func BenchmarkHash(b *testing.B) {
	h := newHasher()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(context.Background(), goodPassword); err != nil {
			b.Fatal(err)
		}
	}
}

func TestQueue(t *testing.T) {
	t.Parallel()
	h := NewHasher(1, 1, 10*time.Millisecond)
	for range cap(h.slots) {
		h.slots <- struct{}{}
	}
	t.Run("a request that waits too long is rejected", func(t *testing.T) {
		_, _, err := h.Check(t.Context(), goodPassword, passwordhash.Placeholder())
		requireBusy(t, err)
	})
	t.Run("a request is rejected at once if the queue is full", func(t *testing.T) {
		for range cap(h.places) {
			turn, err := h.Turn()
			if err != nil {
				t.Fatal(err)
			}
			defer turn.End()
		}
		_, err := h.Hash(t.Context(), goodPassword)
		requireBusy(t, err)
	})
}

func requireBusy(t *testing.T, err error) {
	t.Helper()
	p, ok := errors.AsType[*api.Problem](err)
	if !ok || p.Status != http.StatusTooManyRequests || p.GetHeaders().Get("Retry-After") == "" ||
		!strings.HasPrefix(p.GetHeaders().Get("RateLimit"), `"passwords"`) {
		t.Fatalf("got %v", err)
	}
}

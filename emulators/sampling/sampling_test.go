package sampling_test

import (
	"context"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"souk/emulators/sampling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestSampled(t *testing.T) {
	t.Parallel()
	t.Run("without a page no trace is recorded, whatever the client asks for", func(t *testing.T) {
		t.Parallel()
		if sampling.New(func() bool { return false }).Sampled(true) {
			t.Error("a trace is recorded")
		}
	})
	t.Run("with a page, traces are recorded up to a rate", func(t *testing.T) {
		t.Parallel()
		s := sampling.New(func() bool { return true })
		recorded := 0
		for range 10_000 {
			if s.Sampled(false) {
				recorded++
			}
		}
		if recorded < 50 || recorded > 5000 {
			t.Errorf("%d of 10,000 traces are recorded, want a burst of 50 and then 25 a second", recorded)
		}
	})
}

func TestRemote(t *testing.T) {
	t.Parallel()
	var open atomic.Bool
	console := httptest.NewServer(sampling.Handler(open.Load))
	t.Cleanup(console.Close)
	remote := &sampling.Remote{URL: console.URL + sampling.Path}
	ctx, cancel := context.WithCancel(t.Context())
	followed := make(chan struct{})
	go func() {
		defer close(followed)
		remote.Follow(ctx)
	}()
	waitFor := func(what string, want bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); remote.Watching() != want; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s: Watching() is not %t", what, want)
			}
		}
	}
	open.Store(true)
	waitFor("a page was opened", true)
	open.Store(false)
	waitFor("the page was closed", false)
	open.Store(true)
	waitFor("a page was opened again", true)
	console.Close()
	waitFor("the console has stopped", false)
	cancel()
	<-followed
}

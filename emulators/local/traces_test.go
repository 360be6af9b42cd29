//go:build !container

package local

import (
	"testing"

	"souk/emulators/sampling"
)

// TestSampled requires that traces are recorded always, or only while a page of the console is
// open, whatever the client's flag is.
func TestSampled(t *testing.T) {
	t.Parallel()
	watching := func(open bool) *func() bool {
		f := func() bool { return open }
		return &f
	}
	const requests = 10
	for name, test := range map[string]struct {
		always  bool
		console *func() bool
		want    int
	}{
		"before there is a console none are": {false, nil, 0},
		"while no page is open none are":     {false, watching(false), 0},
		"while a page is open a few are":     {false, watching(true), requests},
		"with --traces all are":              {true, watching(false), requests},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, flag := range []bool{true, false} {
				recorded := traces{always: test.always}
				recorded.sampler = sampling.New(recorded.watched)
				recorded.watching.Store(test.console)
				got := 0
				for range requests {
					if recorded.sampled(flag) {
						got++
					}
				}
				if got != test.want {
					t.Errorf("%d of %d are recorded, want %d", got, requests, test.want)
				}
			}
		})
	}
}

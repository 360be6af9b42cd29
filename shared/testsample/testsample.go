// Package testsample chooses which cases of a long test a short run has.
//
// `make test` runs a sample of the cases of tests that kill, cut off or fill
// something; `make test-long` runs all. Samples rotate: each day's sample has the cases
// that follow those of the day before, so that all run within a few days.
package testsample

import (
	"flag"
	"testing"
	"time"
)

var (
	long   = flag.Bool("long", false, "run all cases of tests that otherwise run a sample of them")
	number = flag.Uint("sample", 0, "the number of the sample; 0 is that of today")
)

// Long reports whether all cases run.
func Long() bool { return *long }

// Of returns at most n of the cases, or all with -long. It logs how to run the same ones again.
func Of[T any](t testing.TB, cases []T, n int) []T {
	t.Helper()
	if *long || n >= len(cases) {
		return cases
	}
	today := *number
	if today == 0 {
		today = uint(time.Now().Unix() / (24 * 60 * 60))
	}
	chosen := rotate(cases, n, today)
	t.Logf("%d of %d cases: -sample %d has the same ones, -long has all", len(chosen), len(cases), today)
	return chosen
}

// rotate returns the n cases of a sample. They are spread over the cases, for similar
// ones are next to each other.
func rotate[T any](cases []T, n int, sample uint) (chosen []T) {
	samples := uint((len(cases) + n - 1) / n)
	for i := sample % samples; i < uint(len(cases)); i += samples {
		chosen = append(chosen, cases[i])
	}
	return chosen
}

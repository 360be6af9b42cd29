package testsample

import (
	"slices"
	"testing"
)

func TestRotate(t *testing.T) {
	t.Parallel()
	for size := 1; size < 40; size++ {
		cases := make([]int, size)
		for i := range cases {
			cases[i] = i
		}
		for n := 1; n <= size; n++ {
			var all []int
			for sample := range uint((size + n - 1) / n) {
				chosen := rotate(cases, n, 7_000+sample)
				if len(chosen) == 0 || len(chosen) > n {
					t.Fatalf("sample %d has %d of %d cases, want 1 to %d", sample, len(chosen), size, n)
				}
				all = append(all, chosen...)
			}
			if slices.Sort(all); !slices.Equal(all, cases) {
				t.Fatalf("samples of %d of %d cases have %v: want each once", n, size, all)
			}
		}
	}
}

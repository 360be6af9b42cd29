package main

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMedian(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		values []float64
		want   float64
	}{
		"of none is 0":                          {nil, 0},
		"of an odd number is the middle":        {[]float64{9, 1, 5}, 5},
		"of an even number is the mean of both": {[]float64{4, 1, 2, 100}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := median(test.values); got != test.want {
				t.Errorf("median(%v) = %g, want %g", test.values, got, test.want)
			}
		})
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	var values []float64
	for i := range 100 {
		values = append(values, float64(99-i))
	}
	for share, want := range map[float64]float64{0: 0, 0.5: 50, 0.99: 99, 1: 99} {
		if got := quantile(values, share); got != want {
			t.Errorf("quantile(%g) = %g, want %g", share, got, want)
		}
	}
}

func TestInterleave(t *testing.T) {
	t.Parallel()
	var order []string
	measured := func(name string) subject {
		return subject{name: name, measure: func(context.Context) (sample, error) {
			order = append(order, name)
			return sample{"rate": float64(len(order))}, nil
		}}
	}
	got, err := interleave(t.Context(), 3, []subject{measured(souk), measured(base), measured(floor)}, func(int) {})
	if err != nil {
		t.Fatal(err)
	}
	t.Run("each round has all subjects in another order", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff([]string{souk, base, floor, base, floor, souk, floor, souk, base}, order); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
	})
	t.Run("values are those of the rounds", func(t *testing.T) {
		t.Parallel()
		want := series{souk: {"rate": {1, 6, 8}}, base: {"rate": {2, 4, 9}}, floor: {"rate": {3, 5, 7}}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("series (-want +got):\n%s", diff)
		}
	})
	t.Run("an error ends it", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("broken")
		failing := subject{name: souk, measure: func(context.Context) (sample, error) { return nil, broken }}
		_, err := interleave(t.Context(), 3, []subject{failing}, func(int) {})
		if !errors.Is(err, broken) {
			t.Errorf("err = %v, want %v", err, broken)
		}
	})
}

func TestBars(t *testing.T) {
	t.Parallel()
	all := series{
		souk:  {"rate": {10, 80, 30}},
		floor: {"rate": {10, 100, 60}}, // the ratios are 1, 0.8 and 0.5
	}
	for name, test := range map[string]struct {
		bar  bar
		want barResult
	}{
		"a lower bound that is reached exactly": {atLeastOf(0.8, floor), barResult{"≥ 0.8 × floor", 0.8, true, true}},
		"a lower bound that is missed":          {atLeastOf(0.9, floor), barResult{"≥ 0.9 × floor", 0.8, true, false}},
		"an upper bound that holds":             {atMost(30), barResult{"≤ 30", 30, true, true}},
		"an upper bound that is missed":         {atMost(29), barResult{"≤ 29", 30, true, false}},
		"an absolute lower bound":               {atLeast(31), barResult{"≥ 31", 30, true, false}},
		"a bar without its subject":             {atLeastOf(4, base), barResult{"≥ 4 × base", 0, false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, test.bar.evaluate(all, "rate")); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
		})
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
)

// sample has the figures of one round of a subject, by name.
type sample map[string]float64

// subject is what one work measures: the shop, the shop of another commit, or a floor.
type subject struct {
	name string
	// measure measures one round.
	measure func(ctx context.Context) (sample, error)
	// stop stops what the subject started; nil if it started nothing.
	stop func() error
}

// The names of subjects.
const (
	souk  = "souk"
	base  = "base"
	floor = "floor"
	small = "small" // the shop with few rows
	gets  = "gets"  // gets beside other reads
)

// series has the values of all rounds, by subject and figure.
type series map[string]map[string][]float64

func (s series) add(name string, got sample) {
	if s[name] == nil {
		s[name] = map[string][]float64{}
	}
	for figure, value := range got {
		s[name][figure] = append(s[name][figure], value)
	}
}

// median returns the median of a figure over all rounds, and whether it was measured.
func (s series) median(name, figure string) (float64, bool) {
	values := s[name][figure]
	return median(values), len(values) > 0
}

// ratio returns the median over all rounds of a figure of souk divided by that of another
// subject in the same round, so that changes in the speed of the machine affect both.
func (s series) ratio(other, figure string) (float64, bool) {
	ours, theirs := s[souk][figure], s[other][figure]
	var ratios []float64
	for i := range min(len(ours), len(theirs)) {
		if theirs[i] != 0 {
			ratios = append(ratios, ours[i]/theirs[i])
		}
	}
	return median(ratios), len(ratios) > 0
}

// median returns the middle of values, or the mean of the two in the middle; 0 of none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// quantile returns the smallest value that is not less than a share of the values; 0 of none.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

// interleave measures all subjects in each round, each time in another order.
func interleave(ctx context.Context, rounds int, subjects []subject, progress func(round int)) (series, error) {
	all := series{}
	for round := range rounds {
		for i := range subjects {
			subject := subjects[(i+round)%len(subjects)]
			got, err := subject.measure(ctx)
			if err != nil {
				return nil, fmt.Errorf("round %d of %s: %w", round+1, subject.name, err)
			}
			all.add(subject.name, got)
		}
		progress(round + 1)
	}
	return all, nil
}

// stopAll stops subjects in reverse order.
func stopAll(subjects []subject) error {
	var errs []error
	for _, s := range slices.Backward(subjects) {
		if s.stop != nil {
			errs = append(errs, s.stop())
		}
	}
	return errors.Join(errs...)
}

package main

import (
	"context"
	"fmt"
)

// bar is what a figure must reach.
type bar struct {
	// least is set for a lower bound.
	least bool
	value float64
	// of is the subject whose figure is multiplied by value; empty for an absolute bound.
	of string
}

func atLeast(value float64) bar          { return bar{least: true, value: value} }
func atMost(value float64) bar           { return bar{value: value} }
func atLeastOf(v float64, of string) bar { return bar{least: true, value: v, of: of} }
func atMostOf(v float64, of string) bar  { return bar{value: v, of: of} }

// String returns the bar as it is printed: "≥ 0.8 × floor".
func (b bar) String() string {
	sign := "≤"
	if b.least {
		sign = "≥"
	}
	if b.of == "" {
		return fmt.Sprintf("%s %g", sign, b.value)
	}
	return fmt.Sprintf("%s %g × %s", sign, b.value, b.of)
}

// evaluate compares a figure of souk with the bar. got is the figure or the ratio;
// measured is false if a subject is missing, such as base without BASE.
func (b bar) evaluate(all series, figure string) barResult {
	result := barResult{Bar: b.String()}
	if b.of == "" {
		result.Got, result.Measured = all.median(souk, figure)
	} else {
		result.Got, result.Measured = all.ratio(b.of, figure)
	}
	result.Pass = result.Measured && (result.Got == b.value || (result.Got > b.value) == b.least)
	return result
}

// figure is one line of the table.
type figure struct {
	// name is that of the value in samples.
	name, title, unit string
	bars              []bar
}

// work is what is measured together.
type work struct {
	name, title string
	// bound says what bounds the figures, for the document.
	bound   string
	figures []figure
	// prepare starts what is measured.
	prepare func(ctx context.Context, b *bench) ([]subject, error)
}

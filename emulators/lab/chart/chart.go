// Package chart draws line and bar charts as SVG files, which can be read in light and dark
// and by screen readers, and as sparklines on a terminal.
package chart

import (
	"math"
	"strconv"
)

// Chart is a line chart, or a bar chart if it has categories.
type Chart struct {
	// Name is the name of its file, without a suffix.
	Name string `json:"name"`
	// Title says what is shown, and Description what is seen, for those who cannot see it.
	Title       string `json:"title"`
	Description string `json:"description"`
	// XLabel and YLabel are the names and units of the axes.
	XLabel string `json:"xLabel,omitempty"`
	YLabel string `json:"yLabel"`
	// Categories are the names of the groups of bars. Series then have a Y for each.
	Categories []string `json:"categories,omitempty"`
	Series     []Series `json:"series"`
	// Spans are parts of the x axis with a name, such as an outage.
	Spans []Span `json:"spans,omitempty"`
}

// Series is a line, or a bar of each category.
type Series struct {
	Name string    `json:"name"`
	X    []float64 `json:"x,omitempty"`
	Y    []float64 `json:"y"`
}

// Add appends a point.
func (s *Series) Add(x, y float64) {
	s.X = append(s.X, x)
	s.Y = append(s.Y, y)
}

// Max returns the largest value, 0 if there is none.
func (s *Series) Max() float64 {
	largest := 0.0
	for _, y := range s.Y {
		largest = max(largest, y)
	}
	return largest
}

// Span is a part of the x axis.
type Span struct {
	Name string  `json:"name"`
	From float64 `json:"from"`
	To   float64 `json:"to"`
}

// axis maps values to pixels.
type axis struct {
	from, to   float64 // values
	start, end float64 // pixels
	ticks      []float64
}

// newAxis returns an axis from 0, or from the smallest value if that is negative, to a round
// number that is not below the largest value.
func newAxis(smallest, largest, start, end float64, count int) axis {
	smallest = min(smallest, 0)
	if !(largest > smallest) {
		largest = smallest + 1
	}
	step := niceStep((largest - smallest) / float64(count))
	a := axis{from: math.Floor(smallest/step) * step, to: math.Ceil(largest/step-1e-9) * step, start: start, end: end}
	for i := 0; ; i++ {
		value := a.from + float64(i)*step
		if value > a.to+step/2 {
			return a
		}
		a.ticks = append(a.ticks, value)
	}
}

// niceStep returns 1, 2 or 5 times a power of ten that is not below a step.
func niceStep(step float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(step)))
	for _, factor := range []float64{1, 2, 5} {
		if step <= factor*power*(1+1e-9) {
			return factor * power
		}
	}
	return 10 * power
}

func (a axis) at(value float64) float64 {
	return a.start + (value-a.from)/(a.to-a.from)*(a.end-a.start)
}

// number formats a value of an axis.
func number(value float64) string {
	if math.Abs(value) < 1e-9 {
		return "0"
	}
	return strconv.FormatFloat(value, 'g', 6, 64)
}

package chart

import (
	"fmt"
	"strings"
)

// sparks are the levels of a sparkline, and sparkWidth is its greatest length.
var sparks = []rune("▁▂▃▄▅▆▇█")

const sparkWidth = 60

// Sparklines returns a line for each series: its name, its course, its last value and its
// largest. Those of one chart have the same scale.
func (c Chart) Sparklines() string {
	longest := 0
	for _, series := range c.Series {
		longest = max(longest, len([]rune(series.Name)))
	}
	_, largest := c.bounds()
	var out strings.Builder
	for _, series := range c.Series {
		values := shorten(series.Y, sparkWidth)
		line := make([]rune, len(values))
		for i, value := range values {
			level := 0
			if largest > 0 {
				level = int(max(value, 0) / largest * float64(len(sparks)-1))
			}
			line[i] = sparks[level]
		}
		fmt.Fprintf(&out, "%-*s %s  max %s\n", longest, series.Name, string(line), number(round(series.Max())))
	}
	return out.String()
}

// shorten returns the largest values of as many equal parts as there may be values.
func shorten(values []float64, most int) []float64 {
	if len(values) <= most {
		return values
	}
	short := make([]float64, most)
	for i := range short {
		for _, value := range values[i*len(values)/most : (i+1)*len(values)/most] {
			short[i] = max(short[i], value)
		}
	}
	return short
}

func round(value float64) float64 {
	if value >= 100 {
		return float64(int64(value + 0.5))
	}
	return float64(int64(value*10+0.5)) / 10
}

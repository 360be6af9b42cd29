package chart

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The chart's size, and the place of the plot in it.
const (
	width, height         = 720.0, 320.0
	left, right           = 62.0, 16.0
	top, bottom           = 64.0, 48.0
	xTicks, yTicks        = 8, 5
	characterWidth        = 6.4
	groupShare, barGapPix = 0.72, 2.0
)

// style colours the chart for both schemes. The colours are distinguishable with the common
// colour vision deficiencies (Okabe and Ito), and lines also differ in their dashes.
const style = `
text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#24292f}
.title{font-size:15px;font-weight:600}.axis{fill:#57606a}
.grid{stroke:#d0d7de;stroke-width:1}.span{fill:#8c959f;opacity:.18}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.s0{stroke:#0072b2}.s1{stroke:#d55e00;stroke-dasharray:7 3}.s2{stroke:#007a5a;stroke-dasharray:2 3}
.s3{stroke:#8a4b7d;stroke-dasharray:9 3 2 3}.s4{stroke:#6e5a00;stroke-dasharray:4 2}
.b0{fill:#0072b2}.b1{fill:#d55e00}.b2{fill:#007a5a}.b3{fill:#8a4b7d}.b4{fill:#6e5a00}
.back{fill:#fff}
@media (prefers-color-scheme:dark){
.back{fill:#0d1117}text{fill:#e6edf3}.axis{fill:#9198a1}.grid{stroke:#30363d}
.s0{stroke:#56b4e9}.s1{stroke:#ff9e4a}.s2{stroke:#2fd3a0}.s3{stroke:#e0a0cf}.s4{stroke:#f0e442}
.b0{fill:#56b4e9}.b1{fill:#ff9e4a}.b2{fill:#2fd3a0}.b3{fill:#e0a0cf}.b4{fill:#f0e442}
}`

// styles is the number of series that can be distinguished.
const styles = 5

// canvas is the text of an SVG file.
type canvas struct{ strings.Builder }

func (c *canvas) add(format string, args ...any) { fmt.Fprintf(c, format+"\n", args...) }

// text adds a text. Anchor is start, middle or end.
func (c *canvas) text(x, y float64, class, anchor, text string) {
	c.add(`<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`, x, y, class, anchor, html.EscapeString(text))
}

// SVG returns the chart as an SVG file.
func (c Chart) SVG() []byte {
	var out canvas
	out.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%g" height="%g" role="img" aria-labelledby="title description">`,
		width, height, width, height)
	out.add(`<title id="title">%s</title>`, html.EscapeString(c.Title))
	out.add(`<desc id="description">%s</desc>`, html.EscapeString(c.Description))
	out.add(`<style>%s</style>`, style)
	out.add(`<rect class="back" width="%g" height="%g" rx="6"/>`, width, height)
	out.text(left, 22, "title", "start", c.Title)
	c.legend(&out)
	smallest, largest := c.bounds()
	y := newAxis(smallest, largest, height-bottom, top, yTicks)
	for _, tick := range y.ticks {
		out.add(`<line class="grid" x1="%g" x2="%g" y1="%.1f" y2="%.1f"/>`, left, width-right, y.at(tick), y.at(tick))
		out.text(left-8, y.at(tick)+4, "axis", "end", number(tick))
	}
	out.add(`<text class="axis" text-anchor="middle" transform="translate(14 %.1f) rotate(-90)">%s</text>`,
		(top+height-bottom)/2, html.EscapeString(c.YLabel))
	if len(c.Categories) > 0 {
		c.bars(&out, y)
	} else {
		c.lines(&out, y)
	}
	out.text((left+width-right)/2, height-10, "axis", "middle", c.XLabel)
	out.add(`</svg>`)
	return []byte(out.String())
}

// bounds returns the smallest and the largest value.
func (c Chart) bounds() (smallest, largest float64) {
	for _, series := range c.Series {
		for _, value := range series.Y {
			smallest, largest = min(smallest, value), max(largest, value)
		}
	}
	return smallest, largest
}

func (c Chart) legend(out *canvas) {
	x := left
	for i, series := range c.Series {
		if len(c.Categories) > 0 {
			out.add(`<rect class="b%d" x="%.1f" y="36" width="14" height="10"/>`, i%styles, x)
		} else {
			out.add(`<line class="line s%d" x1="%.1f" x2="%.1f" y1="41" y2="41"/>`, i%styles, x, x+22)
		}
		out.text(x+28, 45, "axis", "start", series.Name)
		x += 28 + characterWidth*float64(len(series.Name)) + 22
	}
}

func (c Chart) lines(out *canvas, y axis) {
	first, last := math.Inf(1), math.Inf(-1)
	for _, series := range c.Series {
		for _, x := range series.X {
			first, last = min(first, x), max(last, x)
		}
	}
	if first > last {
		first, last = 0, 1
	}
	x := newAxis(first, last, left, width-right, xTicks)
	for _, span := range c.Spans {
		from, to := x.at(max(span.From, x.from)), x.at(min(span.To, x.to))
		out.add(`<rect class="span" x="%.1f" y="%g" width="%.1f" height="%g"/>`, from, top, max(to-from, 1), height-bottom-top)
		out.text(from+4, top+13, "axis", "start", span.Name)
	}
	for _, tick := range x.ticks {
		out.text(x.at(tick), height-bottom+18, "axis", "middle", number(tick))
	}
	for i, series := range c.Series {
		points := make([]string, len(series.X))
		for j := range series.X {
			points[j] = fmt.Sprintf("%.1f,%.1f", x.at(series.X[j]), y.at(series.Y[j]))
		}
		out.add(`<polyline class="line s%d" points="%s"/>`, i%styles, strings.Join(points, " "))
	}
}

func (c Chart) bars(out *canvas, y axis) {
	group := (width - left - right) / float64(len(c.Categories))
	bar := group * groupShare / float64(max(len(c.Series), 1))
	for i, category := range c.Categories {
		begin := left + float64(i)*group
		out.text(begin+group/2, height-bottom+18, "axis", "middle", category)
		for j, series := range c.Series {
			if i >= len(series.Y) {
				continue
			}
			x, at := begin+group*(1-groupShare)/2+float64(j)*bar, y.at(series.Y[i])
			out.add(`<rect class="b%d" x="%.1f" y="%.1f" width="%.1f" height="%.1f"><title>%s, %s: %s</title></rect>`,
				j%styles, x, at, max(bar-barGapPix, 1), max(y.at(0)-at, 0),
				html.EscapeString(category), html.EscapeString(series.Name), number(series.Y[i]))
		}
	}
}

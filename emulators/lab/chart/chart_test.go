package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var charts = map[string]Chart{
	"lines": {
		Title: "Orders & events <1>", Description: "Two lines", XLabel: "s", YLabel: "orders",
		Series: []Series{{Name: "placed", X: []float64{0, 1, 2}, Y: []float64{0, 10, 37}}, {Name: "confirmed", X: []float64{0, 2}, Y: []float64{0, 20}}},
		Spans:  []Span{{Name: "outage", From: 0.5, To: 9}},
	},
	"bars": {
		Title: "Requests", Description: "Bars", YLabel: "requests", Categories: []string{"a", "b"},
		Series: []Series{{Name: "x", Y: []float64{3, 0}}, {Name: "y", Y: []float64{1}}},
	},
	"no values":    {Title: "Nothing", Description: "Empty", YLabel: "y"},
	"equal values": {Title: "Flat", Description: "Flat", YLabel: "y", Series: []Series{{Name: "zero", X: []float64{5, 5}, Y: []float64{0, 0}}}},
}

var coordinate = regexp.MustCompile(`\s(?:points|x|y|x1|x2|y1|y2|width|height)="([^"]*)"`)

func TestSVG(t *testing.T) {
	t.Parallel()
	for name, chart := range charts {
		t.Run("a chart with "+name+" is well-formed, has a title, and is within its frame", func(t *testing.T) {
			t.Parallel()
			text := string(chart.SVG())
			decoder := xml.NewDecoder(strings.NewReader(text))
			titles := map[string]string{}
			for {
				token, err := decoder.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%v:\n%s", err, text)
				}
				if start, ok := token.(xml.StartElement); ok && len(start.Attr) == 1 && start.Attr[0].Name.Local == "id" {
					content, err := decoder.Token()
					if err != nil {
						t.Fatal(err)
					}
					titles[start.Name.Local] = string(content.(xml.CharData))
				}
			}
			if diff := cmp.Diff(map[string]string{"title": chart.Title, "desc": chart.Description}, titles); diff != "" {
				t.Errorf("titles (-want +got):\n%s", diff)
			}
			if !strings.Contains(text, "prefers-color-scheme:dark") {
				t.Error("the chart has no dark colours")
			}
			for _, match := range coordinate.FindAllStringSubmatch(text, -1) {
				for _, value := range strings.FieldsFunc(match[1], func(r rune) bool { return r == ' ' || r == ',' }) {
					if n, err := strconv.ParseFloat(value, 64); err != nil || n < 0 || n > width {
						t.Errorf("%s is outside of the chart", match[0])
					}
				}
			}
		})
	}
}

func TestAxis(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		smallest, largest float64
		want              []float64
	}{
		{0, 37, []float64{0, 10, 20, 30, 40}},
		{0, 0, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{-3, 7, []float64{-4, -2, 0, 2, 4, 6, 8}},
		{0, 1000, []float64{0, 200, 400, 600, 800, 1000}},
	} {
		got := newAxis(test.smallest, test.largest, 0, 1, 5).ticks
		for i := range got {
			got[i] = float64(int(got[i]*10+0.5*sign(got[i]))) / 10
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%g to %g (-want +got):\n%s", test.smallest, test.largest, diff)
		}
	}
}

func sign(value float64) float64 {
	if value < 0 {
		return -1
	}
	return 1
}

func TestSparklines(t *testing.T) {
	t.Parallel()
	long := Series{Name: "long", Y: make([]float64, 600)}
	long.Y[599] = 100
	got := Chart{Series: []Series{{Name: "up", Y: []float64{0, 50, 100}}, long}}.Sparklines()
	want := "up   ▁▄█  max 100\nlong " + strings.Repeat("▁", 59) + "█  max 100\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sparklines (-want +got):\n%s", diff)
	}
}

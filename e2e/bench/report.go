package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report is the result of a run, as it is written as JSON.
type report struct {
	Time    time.Time    `json:"time"`
	Commit  string       `json:"commit"`
	Base    string       `json:"base,omitempty"`
	Machine machine      `json:"machine"`
	Rounds  int          `json:"rounds"`
	Seconds float64      `json:"roundSeconds"`
	Rows    int          `json:"rows"`
	Works   []workResult `json:"works"`
}

// machine is what the figures were measured on.
type machine struct {
	CPUs     int    `json:"cpus"`
	System   string `json:"system"`
	Go       string `json:"go"`
	Database string `json:"database"`
}

type workResult struct {
	Name    string         `json:"name"`
	Title   string         `json:"title"`
	Bound   string         `json:"bound"`
	Figures []figureResult `json:"figures"`
}

type figureResult struct {
	Name    string               `json:"name"`
	Title   string               `json:"title"`
	Unit    string               `json:"unit"`
	Medians map[string]float64   `json:"medians"`
	Rounds  map[string][]float64 `json:"rounds"`
	Bars    []barResult          `json:"bars"`
}

type barResult struct {
	Bar string `json:"bar"`
	// Got is the figure, or its ratio to that of the bar's subject.
	Got      float64 `json:"got"`
	Measured bool    `json:"measured"`
	Pass     bool    `json:"pass"`
}

// newWorkResult returns what was measured of a work, with its bars.
func newWorkResult(w work, all series) workResult {
	result := workResult{Name: w.name, Title: w.title, Bound: w.bound, Figures: []figureResult{}}
	for _, f := range w.figures {
		line := figureResult{
			Name: f.name, Title: f.title, Unit: f.unit,
			Medians: map[string]float64{}, Rounds: map[string][]float64{}, Bars: []barResult{},
		}
		for name := range all {
			if value, measured := all.median(name, f.name); measured {
				line.Medians[name], line.Rounds[name] = value, all[name][f.name]
			}
		}
		for _, b := range f.bars {
			line.Bars = append(line.Bars, b.evaluate(all, f.name))
		}
		result.Figures = append(result.Figures, line)
	}
	return result
}

// cell returns the median of a subject as text.
func (f figureResult) cell(name string) string {
	value, measured := f.Medians[name]
	if !measured {
		return "–"
	}
	return number(value)
}

// reference returns the median of the floor, or that with few rows, with its name.
func (f figureResult) reference() string {
	for _, name := range []string{floor, small, gets} {
		if value, measured := f.Medians[name]; measured {
			return name + " " + number(value)
		}
	}
	return "–"
}

// number returns a value with about three digits.
func number(value float64) string {
	switch {
	case value >= 100 || value == float64(int64(value)):
		return fmt.Sprintf("%.0f", value)
	case value >= 10:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// outcome returns what became of a bar: the ratio, if it is one, and pass or MISS.
func (b barResult) outcome() string {
	label := "MISS"
	switch {
	case !b.Measured:
		return "not measured"
	case b.Pass:
		label = "pass"
	}
	if strings.Contains(b.Bar, "×") {
		return fmt.Sprintf("%s (%s ×)", label, number(b.Got))
	}
	return label
}

// rows returns the lines of the table: one a bar, and one of a figure without bars.
func (w workResult) rows() [][]string {
	var rows [][]string
	for _, f := range w.Figures {
		first := []string{f.Title, f.cell(souk), f.cell(base), f.reference(), f.Unit}
		if len(f.Bars) == 0 {
			rows = append(rows, append(first, "", ""))
		}
		for i, b := range f.Bars {
			if i > 0 {
				first = make([]string, len(first))
			}
			rows = append(rows, append(slices.Clone(first), b.Bar, b.outcome()))
		}
	}
	return rows
}

var header = []string{"work", "souk", "base", "reference", "unit", "bar", ""}

// print writes a work as a table.
func (w workResult) print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\n%s (BENCH=%s)\n", w.Title, w.Name)
	for _, row := range slices.Insert(w.rows(), 0, header) {
		fmt.Fprintln(table, "  "+strings.Join(row, "\t"))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

// writeJSON writes a report to a file.
func (r report) writeJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}

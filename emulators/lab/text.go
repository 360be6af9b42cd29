package lab

import (
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"
	"time"
)

// Text returns the report for a terminal. Repository is the folder with terraform/; without
// it, settings have no line.
func (r Report) Text(repository fs.FS) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s\n\n", r.Name, r.Title)
	fmt.Fprintf(&out, "Hypothesis: %s\n", r.Hypothesis)
	for _, table := range r.Tables {
		fmt.Fprintf(&out, "\n%s\n", table.Title)
		columns := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(columns, "  %s\n", strings.Join(table.Columns, "\t"))
		for _, row := range table.Rows {
			fmt.Fprintf(columns, "  %s\n", strings.Join(row, "\t"))
		}
		_ = columns.Flush() // a strings.Builder returns no error
	}
	for _, c := range r.Charts {
		fmt.Fprintf(&out, "\n%s (%s)\n", c.Title, c.YLabel)
		for line := range strings.Lines(c.Sparklines()) {
			fmt.Fprintf(&out, "  %s", line)
		}
	}
	fmt.Fprintf(&out, "\nSeen, in %s:\n", r.Took.Round(time.Second))
	for _, finding := range r.Findings {
		fmt.Fprintf(&out, "  - %s\n", finding)
	}
	for _, check := range r.Checks {
		mark := "ok  "
		if !check.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(&out, "  %s %s\n", mark, check.Text)
	}
	for _, text := range r.Skipped {
		fmt.Fprintf(&out, "  skipped: %s\n", text)
	}
	fmt.Fprintf(&out, "\nIn the cloud:\n")
	for _, s := range r.Settings {
		fmt.Fprintf(&out, "  - %s: %s\n", s.What, s.Place(repository))
	}
	return out.String()
}

package main

import (
	"fmt"
	"strings"
	"time"
)

const documentHead = `# Performance

Written by ` + "`make bench DOC=1`" + ` from one run: commit %s, %s, %d CPUs, %s, %s%s; medians of
%d interleaved rounds of %s, %d products and orders in the large data set.

## How to read it

- The database server is private and durable: it syncs the binary log and the redo log at each
  commit, and writes pages twice. The load program, the functions and the server share the CPUs.
- In each round every subject is measured, each time in another order: this commit (souk), the
  commit of ` + "`BASE`" + ` (base), and the floor: handlers with net/http, the same driver, pool and SQL,
  or a loop that sends the statements of an order and nothing else. The bars with × are ratios
  within a round; the median of all rounds counts. Ratios can be compared between machines,
  figures cannot.
- CPU is user and system time from the kernel's accounting: of the database server, of the
  functions with those that have ended, and of the process of souk with gateway, broker and mail.
- Statements and commits are counters of the server (Questions, Binlog_commits).
- An order counts when its customer reads that it is confirmed. Its time ends with the last event
  and mail of the round.
- One work: ` + "`make bench BENCH=orders`" + `. Beside another commit: ` + "`make bench BASE=be2cbdc`" + `. With a million
  rows: ` + "`make bench BENCH=search,flat ROWS=1000000`" + `; the data set stays in ` + "`.souk-bench`" + `.
- Where the time of a function or of ` + "`souk up`" + ` goes: ` + "`PROFILE_DIR=/tmp make bench BENCH=orders`" + `, then
  ` + "`go tool pprof -top /tmp/order-place-*.cpu.pprof`" + `, or ` + "`souk-*.cpu.pprof`" + `.
`

// document returns the report as a document in Markdown.
func (r report) document() string {
	var text strings.Builder
	beside := ""
	if r.Base != "" {
		beside = ", beside commit " + r.Base
	}
	fmt.Fprintf(&text, documentHead, r.Commit, r.Time.Format(time.DateOnly), r.Machine.CPUs,
		r.Machine.Database, r.Machine.Go, beside,
		r.Rounds, time.Duration(r.Seconds*float64(time.Second)), r.Rows)
	for _, w := range r.Works {
		fmt.Fprintf(&text, "\n## %s\n\n`BENCH=%s`. What bounds it: %s\n\n", w.Title, w.Name, w.Bound)
		fmt.Fprintf(&text, "| %s |\n|%s\n", strings.Join(header, " | "), strings.Repeat("---|", len(header)))
		for _, row := range w.rows() {
			fmt.Fprintf(&text, "| %s |\n", strings.Join(row, " | "))
		}
	}
	return text.String()
}

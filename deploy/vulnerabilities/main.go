// Command vulnerabilities reads what `govulncheck -json` found, lists it, and fails when
// a vulnerable function is called and a version without the vulnerability exists.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

func main() {
	if err := run(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "ERROR:", err)
		os.Exit(1)
	}
}

// message is one of the stream that govulncheck writes:
// https://pkg.go.dev/golang.org/x/vuln/internal/govulncheck#Message
type message struct {
	Config *struct {
		ProtocolVersion string `json:"protocol_version"`
	} `json:"config"`
	OSV *struct {
		ID      string `json:"id"`
		Summary string `json:"summary"`
	} `json:"osv"`
	Finding *struct {
		OSV          string `json:"osv"`
		FixedVersion string `json:"fixed_version"`
		Trace        []struct {
			Module   string `json:"module"`
			Version  string `json:"version"`
			Function string `json:"function"`
		} `json:"trace"`
	} `json:"finding"`
}

// vulnerability is all findings of one entry of the database.
type vulnerability struct {
	module, version, fixed string
	called                 bool
}

// run lists the vulnerabilities of a stream of messages.
func run(from io.Reader, to io.Writer) error {
	found, summaries, err := read(from)
	if err != nil {
		return err
	}
	stopping := 0
	for _, id := range slices.Sorted(maps.Keys(found)) {
		v, remark := found[id], "not called"
		switch {
		case v.called && v.fixed != "":
			stopping++
			remark = "CALLED, fixed in " + v.fixed
		case v.called:
			remark = "called, not fixed yet"
		}
		if _, err := fmt.Fprintf(to, "%s: %s@%s: %s: %s\n", id, v.module, v.version, summaries[id], remark); err != nil {
			return fmt.Errorf("list the vulnerabilities: %w", err)
		}
	}
	if stopping > 0 {
		return fmt.Errorf("%d vulnerabilities are called and have a fix: update the modules, or Go", stopping)
	}
	return nil
}

func read(from io.Reader) (found map[string]vulnerability, summaries map[string]string, err error) {
	found, summaries = map[string]vulnerability{}, map[string]string{}
	complete := false
	for decoder := json.NewDecoder(from); ; {
		var m message
		if err := decoder.Decode(&m); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, nil, fmt.Errorf("read what govulncheck found: %w", err)
		}
		complete = complete || m.Config != nil && m.Config.ProtocolVersion != ""
		if m.OSV != nil {
			summaries[m.OSV.ID] = m.OSV.Summary
		}
		if f := m.Finding; f != nil && len(f.Trace) > 0 {
			// The first frame is the vulnerable one; it names a function if that is called.
			v, frame := found[f.OSV], f.Trace[0]
			found[f.OSV] = vulnerability{
				module: frame.Module, version: frame.Version,
				fixed: cmp.Or(v.fixed, f.FixedVersion), called: v.called || frame.Function != "",
			}
		}
	}
	if !complete {
		return nil, nil, errors.New("govulncheck wrote no configuration: it did not run")
	}
	return found, summaries, nil
}

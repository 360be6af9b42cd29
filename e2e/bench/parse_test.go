package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	const text = "4711 (a (strange) name) S 42 4711 4711 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 9 0 123 1000 20 1844674"
	got, err := parseStat(text)
	if err != nil {
		t.Fatal(err)
	}
	want := processStat{parent: 42, own: 2 * time.Second, reaped: 500 * time.Millisecond}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(processStat{})); diff != "" {
		t.Errorf("stat (-want +got):\n%s", diff)
	}
	for _, broken := range []string{"", "1 (a) S 2", strings.Replace(text, "150", "x", 1)} {
		if _, err := parseStat(broken); err == nil {
			t.Errorf("parseStat(%q) has no error", broken)
		}
	}
}

func TestSelectWorks(t *testing.T) {
	t.Parallel()
	if all, err := selectWorks(""); err != nil || len(all) != len(works()) {
		t.Errorf("no name selects %d works, %v; want all", len(all), err)
	}
	selected, err := selectWorks("get, orders")
	if err != nil || len(selected) != 2 || selected[0].name != "get" || selected[1].name != "orders" {
		t.Errorf("selected = %v, %v", selected, err)
	}
	if _, err := selectWorks("got"); err == nil || !strings.Contains(err.Error(), "get-gateway") {
		t.Errorf("err = %v, want one with all names", err)
	}
}

func TestRecovery(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	var ends []time.Time
	for i := range 100 { // nothing for two seconds, and then ten a second
		ends = append(ends, begin.Add(2*time.Second+time.Duration(i)*100*time.Millisecond))
	}
	if got := recovery(ends, begin, 10); got != 3*time.Second {
		t.Errorf("recovery = %s, want 3s", got)
	}
	if got := recovery(ends, begin, 11); got != recoveryRun {
		t.Errorf("recovery = %s, want that of none", got)
	}
}

// testReport returns a report with one bar of each outcome.
func testReport() report {
	w := work{name: "get", title: "Gets", bound: "CPU.", figures: []figure{
		{"rate", "requests", "1/s", []bar{atLeastOf(0.8, floor), atLeastOf(4, base)}}, {"p99", "p99", "ms", []bar{atMost(1)}},
	}}
	all := series{souk: {"rate": {90, 90}, "p99": {2, 2}}, floor: {"rate": {100, 100}}}
	return report{Commit: "abc", Rounds: 2, Works: []workResult{newWorkResult(w, all)}}
}

func TestReport(t *testing.T) {
	t.Parallel()
	t.Run("JSON has all that the table is made of", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "report.json")
		if err := testReport().writeJSON(path); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var got report
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(testReport(), got); diff != "" {
			t.Errorf("report (-want +got):\n%s", diff)
		}
	})
	var table bytes.Buffer
	if err := testReport().Works[0].print(&table); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"the table": table.String(), "the document": testReport().document()} {
		t.Run(name+" has figures, bars and outcomes", func(t *testing.T) {
			t.Parallel()
			for _, want := range []string{"requests", "floor 100", "≥ 0.8 × floor", "pass (0.90 ×)", "not measured", "MISS"} {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in\n%s", want, text)
				}
			}
		})
	}
}

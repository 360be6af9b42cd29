package lab_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/emulators/lab"
)

// scaling is the page that souk lab all --report writes.
const scaling = "../../docs/scaling.md"

// TestPage requires that docs/scaling.md is what the results of its run give today: each line,
// setting and file that it links to exists, and every experiment and chart is in it.
func TestPage(t *testing.T) {
	t.Parallel()
	run, err := lab.ReadRun(scaling)
	if err != nil {
		t.Fatal(err)
	}
	want, err := run.Page(os.DirFS("../.."))
	if err != nil {
		t.Fatalf("%v: adapt emulators/lab/page.md.tmpl or the experiment's settings", err)
	}
	got, err := os.ReadFile(scaling)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/scaling.md is not up to date: bin/souk lab all --report docs/scaling.md --rewrite (-want +got):\n%s", diff)
	}
	if len(run.Reports) != len(lab.All()) {
		t.Errorf("the run has %d of %d experiments", len(run.Reports), len(lab.All()))
	}
	for _, report := range run.Reports {
		if report.Quick {
			t.Errorf("the run of %s was a quick one", report.Name)
		}
		for _, c := range report.Charts {
			file := filepath.Join(filepath.Dir(scaling), "images/lab", c.Name+".svg")
			if got, err := os.ReadFile(file); err != nil || string(got) != string(c.SVG()) {
				t.Errorf("%s is missing or not of the results: %v", file, err)
			}
		}
	}
}

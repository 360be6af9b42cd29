package lab_test

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"souk/emulators/lab"
)

func TestSettings(t *testing.T) {
	t.Parallel()
	for _, experiment := range lab.All() {
		t.Run("each setting of "+experiment.Name+" is one line in terraform/", func(t *testing.T) {
			t.Parallel()
			if len(experiment.Settings) == 0 {
				t.Error("the experiment has no counterpart in the cloud")
			}
			for _, setting := range experiment.Settings {
				if _, err := setting.Line(os.DirFS("../..")); err != nil {
					t.Error(err)
				}
				if !strings.HasPrefix(setting.File, "terraform/") {
					t.Errorf("%s is not in terraform/", setting.File)
				}
			}
		})
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{"terraform/a.tf": {Data: []byte("one = 1\ntwo = 2\n\ntwo = 3\n")}}
	for text, want := range map[string]int{"one =": 1, "two = 3": 4, "two": 0, "three": 0} {
		got, err := lab.Setting{File: "terraform/a.tf", Text: text}.Line(files)
		if got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: line %d, %v; want %d", text, got, err, want)
		}
	}
	if _, err := (lab.Setting{File: "terraform/b.tf", Text: "one"}).Line(files); err == nil {
		t.Error("a setting was found in a missing file")
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	if _, found := lab.Find("weather"); found {
		t.Error("found an unknown experiment")
	}
	for _, x := range lab.All() {
		if found, ok := lab.Find(x.Name); !ok || found.Title != x.Title {
			t.Errorf("experiment %s is not found", x.Name)
		}
	}
	r := lab.Report{Checks: []lab.Check{{Text: "one", OK: true}, {Text: "two"}}}
	if r.OK() || !strings.Contains(r.Text(fstest.MapFS{}), "FAIL two") {
		t.Error("a failed check is not reported")
	}
}

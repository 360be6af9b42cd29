package deploy_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestFlagsAreGcloudsOwn holds testdata/gcloud.json, by which the stand-in refuses what
// gcloud would, to the table that a gcloud on this machine completes command lines by.
func TestFlagsAreGcloudsOwn(t *testing.T) {
	t.Parallel()
	const table = "/usr/lib/google-cloud-sdk/data/cli/gcloud_completions.py"
	python, err := exec.LookPath("python3")
	if _, missing := os.Stat(table); missing != nil || err != nil {
		t.Skip("NOT CHECKED: whether gcloud has these flags. It is not on this machine (Debian's package google-cloud-cli), or python3 is not.")
	}
	ask := exec.CommandContext(t.Context(), python, "testdata/flags.py", table)
	ask.Stderr = os.Stderr
	own, err := ask.Output()
	if err != nil {
		t.Fatal(err)
	}
	kept, err := os.ReadFile("testdata/gcloud.json")
	if err != nil {
		t.Fatal(err)
	}
	var a, b map[string]map[string]string
	if err := json.Unmarshal(own, &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(kept, &b); err != nil {
		t.Fatal(err)
	}
	for command, flags := range b {
		for flag, kind := range flags {
			if a[command][flag] != kind {
				t.Errorf("gcloud %s has no %s (or it takes other values): python3 deploy/testdata/flags.py %s > deploy/testdata/gcloud.json", command, flag, table)
			}
		}
	}
}

// TestAdvice holds the gcloud commands that people are told to type to gcloud's table.
func TestAdvice(t *testing.T) {
	t.Parallel()
	var known map[string]map[string]string
	kept, err := os.ReadFile("testdata/gcloud.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(kept, &known); err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range []string{"../docs/rollout.md", "../cloudbuild.yaml", "rollout", "migrate"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		joined := regexp.MustCompile(`\\\n#? *`).ReplaceAllString(string(text), "")
		for _, match := range regexp.MustCompile(`gcloud ((?:run|builds|artifacts) (?:[a-z-]+ )+)([^\n'"|]*)`).FindAllStringSubmatch(joined, -1) {
			command, flags := "", known[""]
			for candidate := range known {
				if strings.HasPrefix(match[1], candidate+" ") {
					command, flags = candidate, known[candidate]
				}
			}
			if command == "" {
				t.Errorf("%s: there is no %q in testdata/flags.py", file, match[0])
				continue
			}
			found++
			for _, flag := range regexp.MustCompile(`--[a-z-]+`).FindAllString(match[2], -1) {
				if _, ok := flags[flag]; !ok {
					t.Errorf("%s: gcloud %s has no %s", file, command, flag)
				}
			}
		}
	}
	if found < 8 {
		t.Errorf("found %d commands only", found)
	}
}

package deploy_test

import (
	"encoding/json"
	"flag"
	"os"
	"regexp"
	"strings"
	"testing"

	"souk/deploy/gcloudtest"
)

var update = flag.Bool("update", false, "write testdata/gcloud.json anew; a command is added as an empty object before")

// TestFlagsAreGcloudsOwn holds testdata/gcloud.json, by which the stand-in refuses what
// gcloud would, to the table of the gcloud on this machine.
func TestFlagsAreGcloudsOwn(t *testing.T) {
	t.Parallel()
	gcloud, listed := gcloudtest.Installed(t), mustFlags(t)
	for command, flags := range listed {
		own := gcloud.FlagsOf(command)
		for name, kind := range flags {
			if own[name] != kind && !*update {
				t.Errorf("gcloud %s has no %s, or it is no %s: go test ./deploy -run FlagsAre -update", command, name, kind)
			}
		}
		listed[command] = own
	}
	if !*update {
		return
	}
	text, err := json.MarshalIndent(listed, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("testdata/gcloud.json", append(text, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
}

// mustFlags returns the flags of the commands that are used here.
func mustFlags(t *testing.T) (known map[string]map[string]string) {
	t.Helper()
	listed, err := os.ReadFile("testdata/gcloud.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(listed, &known); err != nil {
		t.Fatal(err)
	}
	return known
}

// TestAdvice checks the gcloud commands that operators type against gcloud's table.
func TestAdvice(t *testing.T) {
	t.Parallel()
	known, found := mustFlags(t), 0
	for _, file := range []string{"../docs/rollout.md", "../docs/runbooks/terraform-drift.md", "../docs/runbooks/key-rotation.md", "rollout", "migrate"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		joined := regexp.MustCompile(`\\\n#? *`).ReplaceAllString(string(text), "")
		for _, match := range regexp.MustCompile(`gcloud ((?:alpha builds|run|builds|artifacts|pubsub|secrets|compute url-maps) (?:[a-z-]+ )+)([^\n'"|`+"`"+`]*)`).FindAllStringSubmatch(joined, -1) {
			command, flags := "", map[string]string(nil)
			for candidate := range known {
				if strings.HasPrefix(match[1], candidate+" ") {
					command, flags = candidate, known[candidate]
				}
			}
			if command == "" {
				t.Errorf("%s: there is no %q in testdata/gcloud.json", file, match[0])
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
	page, err := os.ReadFile("../docs/rollout.md")
	if err != nil {
		t.Fatal(err)
	}
	// Without these, the build's identity could not read its source.
	submit := regexp.MustCompile(`(?s)gcloud builds submit.*?\n` + "```").FindString(string(page))
	if !strings.Contains(submit, "--gcs-source-staging-dir=gs://my-souk-dev-build-source/") || !strings.Contains(submit, "/pipeline-build@") {
		t.Errorf("a build by hand cannot read its source: %s", submit)
	}
	if found < 10 {
		t.Errorf("found %d commands only", found)
	}
}

package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// schema is one of an API's discovery document: https://developers.google.com/discovery/v1/reference/apis
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Format               string             `json:"format"`
	Enum                 []string           `json:"enum"`
	Properties           map[string]*schema `json:"properties"`
	Items                *schema            `json:"items"`
	AdditionalProperties *schema            `json:"additionalProperties"`
	ReadOnly             bool               `json:"readOnly"`
}

// mustSchemas reads those of the Cloud Build API, which come with Google's client for
// Go. A cloudbuild.yaml is a Build: https://cloud.google.com/build/docs/build-config-file-schema
func mustSchemas(t *testing.T) map[string]*schema {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "cloudbuild", "v1", "cloudbuild-api.json"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Schemas map[string]*schema }
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document.Schemas
}

// check returns what is wrong with a value.
func check(schemas map[string]*schema, s *schema, at string, value any) (faults []string) {
	if s.Ref != "" {
		return check(schemas, schemas[s.Ref], at, value)
	}
	wrong := func(format string, args ...any) { faults = append(faults, at+": "+fmt.Sprintf(format, args...)) }
	switch v := value.(type) {
	case map[string]any:
		if s.Type != "object" {
			wrong("is an object, not %s", s.Type)
		}
		for name, inner := range v {
			property := s.Properties[name]
			if property == nil {
				property = s.AdditionalProperties
			}
			if property == nil || property.ReadOnly {
				wrong("has no field %q", name)
				continue
			}
			faults = append(faults, check(schemas, property, at+"."+name, inner)...)
		}
	case []any:
		if s.Type != "array" {
			wrong("is a list, not %s", s.Type)
			break
		}
		for i, inner := range v {
			faults = append(faults, check(schemas, s.Items, fmt.Sprintf("%s[%d]", at, i), inner)...)
		}
	case string:
		switch {
		case s.Type != "string":
			wrong("is text, not %s", s.Type)
		case s.Format == "google-duration" && !regexp.MustCompile(`^[0-9]+(\.[0-9]+)?s$`).MatchString(v):
			wrong("%q is no duration", v)
		case len(s.Enum) > 0 && !slices.Contains(s.Enum, v):
			wrong("%q is none of %q", v, s.Enum)
		}
	case bool:
		if s.Type != "boolean" {
			wrong("is true or false, not %s", s.Type)
		}
	default:
		wrong("is %T, not %s", value, s.Type)
	}
	return faults
}

// pipeline is what these tests look at in cloudbuild.yaml.
type pipeline struct {
	Steps []struct {
		ID         string
		Name       string
		Entrypoint string
		Args, Env  []string
		WaitFor    []string `yaml:"waitFor"`
	}
	Substitutions map[string]string
	Tags          []string
}

func mustPipeline(t *testing.T) (text string, raw map[string]any, p pipeline) {
	t.Helper()
	bytes, err := os.ReadFile("../cloudbuild.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(bytes, &raw); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(bytes, &p); err != nil {
		t.Fatal(err)
	}
	return string(bytes), raw, p
}

func TestCloudBuild(t *testing.T) {
	t.Parallel()
	text, raw, p := mustPipeline(t)
	t.Run("is what the published schema of Cloud Build takes", func(t *testing.T) {
		t.Parallel()
		schemas := mustSchemas(t)
		for _, fault := range check(schemas, schemas["Build"], "cloudbuild.yaml", raw) {
			t.Error(fault)
		}
		for _, broken := range []string{"step: []", "steps: [{nam: x}]", "steps: {name: x}", "timeout: 4h", "timeout: 30", "options: {machineType: HUGE}", "options: {logging: true}"} {
			var value any
			if err := yaml.Unmarshal([]byte(broken), &value); err != nil {
				t.Fatal(err)
			}
			if len(check(schemas, schemas["Build"], "", value)) == 0 {
				t.Errorf("nothing is found in %q", broken)
			}
		}
	})
	t.Run("declares every substitution and uses it, and terraform gives the same", func(t *testing.T) {
		t.Parallel()
		builtIn := []string{"PROJECT_ID", "BUILD_ID", "LOCATION", "COMMIT_SHA"} // https://cloud.google.com/build/docs/configuring-builds/substitute-variable-values
		code := regexp.MustCompile(`(?m)#.*$`).ReplaceAllString(text, "")
		var used []string
		for _, match := range regexp.MustCompile(`\$\{?([A-Z_]+)\}?`).FindAllStringSubmatch(code, -1) {
			if !slices.Contains(builtIn, match[1]) {
				used = append(used, match[1])
			}
		}
		slices.Sort(used)
		declared := slices.Sorted(maps.Keys(p.Substitutions))
		if used = slices.Compact(used); !slices.Equal(used, declared) {
			t.Errorf("used are %q, declared %q", used, declared)
		}
		build, err := os.ReadFile("../terraform/build.tf")
		if err != nil {
			t.Fatal(err)
		}
		var given []string
		for _, match := range regexp.MustCompile(`(?m)^    (_[A-Z_]+) +=`).FindAllStringSubmatch(string(build), -1) {
			given = append(given, match[1])
		}
		if slices.Sort(given); !slices.Equal(given, declared) {
			t.Errorf("the trigger gives %q, declared are %q", given, declared)
		}
	})
	t.Run("has the tag that deploy/turn looks for", func(t *testing.T) {
		t.Parallel()
		if !slices.Equal(p.Tags, []string{"rollout"}) {
			t.Errorf("it has %q", p.Tags)
		}
	})
}

func TestSteps(t *testing.T) {
	t.Parallel()
	_, _, p := mustPipeline(t)
	var ids, scripts []string
	for _, step := range p.Steps {
		for _, before := range step.WaitFor {
			if !slices.Contains(ids, before) && before != "-" {
				t.Errorf("%s waits for %q, which is no step before it", step.ID, before)
			}
		}
		ids = append(ids, step.ID)
		for _, script := range regexp.MustCompile(`\bdeploy/([a-z]+)`).FindAllStringSubmatch(strings.Join(append(step.Args, step.Entrypoint), " "), -1) {
			scripts = append(scripts, script[1])
		}
		if step.Name == "" || strings.HasSuffix(step.Name, ":latest") || !strings.Contains(step.Name, ":") {
			t.Errorf("%s runs in %q: name a version", step.ID, step.Name)
		}
	}
	if want := []string{"test", "lint", "images", "scan", "turn", "migrate", "rollout"}; !slices.Equal(ids, want) {
		t.Errorf("the steps are %q, want %q", ids, want)
	}
	if test := p.Steps[0]; test.Entrypoint != "make" || !slices.Equal(test.Args, []string{"test"}) {
		t.Errorf("the first step runs %s %q, not what the README says: make test", test.Entrypoint, test.Args)
	}
	var files []string
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != "" || entry.IsDir() {
			continue
		}
		files = append(files, entry.Name())
		info, err := entry.Info()
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode()&0o111 == 0 || !strings.HasPrefix(string(text), "#!/usr/bin/env bash\n") || !strings.Contains(string(text), "\nset -euo pipefail\n") {
			t.Errorf("deploy/%s is not executable, or no bash that stops at errors", entry.Name())
		}
	}
	if slices.Sort(scripts); !slices.Equal(scripts, files) {
		t.Errorf("the steps run %q, and there are %q", scripts, files)
	}
}

// TestFlagsAreGcloudsOwn holds testdata/gcloud.json, by which the stand-in refuses what
// gcloud would, to the table that a gcloud on this machine completes command lines by.
func TestFlagsAreGcloudsOwn(t *testing.T) {
	t.Parallel()
	const table = "/usr/lib/google-cloud-sdk/data/cli/gcloud_completions.py"
	python, err := exec.LookPath("python3")
	if _, missing := os.Stat(table); missing != nil || err != nil {
		t.Skip("NOT CHECKED: whether gcloud has these flags. It is not on this machine (Debian's package google-cloud-cli), or python3 is not.")
	}
	ask := exec.CommandContext(t.Context(), python, "testdata/flags.py", table) //nolint:gosec // our own
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
		text, err := os.ReadFile(file) //nolint:gosec // our own
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

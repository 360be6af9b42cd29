package deploy_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// deploySteps returns the scripts that the trigger deploy runs.
func deploySteps(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../terraform/deploy.tf")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`deploy_steps = \[([^\]]+)\]`).FindSubmatch(text)
	if list == nil {
		t.Fatal("terraform/deploy.tf has no list of steps")
	}
	var steps []string
	for _, match := range regexp.MustCompile(`"([a-z]+)"`).FindAllSubmatch(list[1], -1) {
		steps = append(steps, string(match[1]))
	}
	return steps
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
	t.Run("is no rollout that deploy/turn would wait for", func(t *testing.T) {
		t.Parallel()
		if len(p.Tags) > 0 {
			t.Errorf("it has the tags %q", p.Tags)
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
	if want := []string{"pins", "test", "mysql", "test-mysql", "lint", "vulnerabilities", "images", "release"}; !slices.Equal(ids, want) {
		t.Errorf("the steps are %q, want %q", ids, want)
	}
	if test := p.Steps[1]; test.Entrypoint != "make" || !slices.Equal(test.Args, []string{"test"}) {
		t.Errorf("the step test runs %s %q, not what the README says: make test", test.Entrypoint, test.Args)
	}
	scripts = append(scripts, deploySteps(t)...)
	var files []string
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != "" || entry.IsDir() || slices.Contains([]string{"Dockerfile", "unpinned"}, entry.Name()) {
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
	// An operator runs these, before there is a pipeline and in an incident.
	files = slices.DeleteFunc(files, func(name string) bool { return name == "preflight" || name == "restore" })
	scripts = append(scripts, "plan") // the triggers plan and drift run it
	if slices.Sort(scripts); !slices.Equal(scripts, files) {
		t.Errorf("the steps run %q, and there are %q", scripts, files)
	}
}

// Package terraform_test checks the cloud that these files describe. What can be
// read in the files is checked everywhere; the other checks need
// terraform, and a TF_CLI_CONFIG_FILE that names its providers: terraform/check.
package terraform_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// resource is one of `terraform show -json`.
type resource struct {
	Address string         `json:"address"`
	Mode    string         `json:"mode"`
	Type    string         `json:"type"`
	Values  map[string]any `json:"values"`
}

// change is what a plan does to one resource.
type change struct {
	Address string `json:"address"`
	Mode    string `json:"mode"`
	Change  struct {
		Actions []string `json:"actions"`
	} `json:"change"`
}

type plan struct {
	PlannedValues struct {
		RootModule struct {
			Resources []resource `json:"resources"`
		} `json:"root_module"`
	} `json:"planned_values"`
	Changes []change `json:"resource_changes"`
}

func (p plan) of(kind string) []resource {
	return slices.DeleteFunc(slices.Clone(p.PlannedValues.RootModule.Resources), func(r resource) bool { return r.Type != kind })
}

// text returns a value of a resource as text, "" if it has none or one that is
// known only later.
func (r resource) text(path ...any) string {
	if v := r.at(path...); v != nil {
		return fmt.Sprint(v)
	}
	return ""
}

// at returns what is at the end of a path of names and positions, or nil.
func (r resource) at(path ...any) any {
	var v any = r.Values
	for _, step := range path {
		switch key := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[key]
		case int:
			list, _ := v.([]any)
			if key >= len(list) {
				return nil
			}
			v = list[key]
		}
	}
	return v
}

// valuesAt returns all values at a path, those of each block of a list. Without a path it
// is the resource itself. What is known only after the apply is not among them.
func (r resource) valuesAt(path string) []any {
	if path == "" {
		return []any{r.Values}
	}
	found := []any{r.Values}
	for name := range strings.SplitSeq(path, ".") {
		var next []any
		for _, v := range found {
			object, _ := v.(map[string]any)
			switch inner := object[name].(type) {
			case nil:
			case []any:
				next = append(next, inner...)
			default:
				next = append(next, inner)
			}
		}
		found = next
	}
	return found
}

// blocks returns the blocks at a path, each as a resource of its own.
func (r resource) blocks(path string) (found []resource) {
	for _, v := range r.valuesAt(path) {
		if values, is := v.(map[string]any); is {
			found = append(found, resource{Address: r.Address, Values: values})
		}
	}
	return found
}

// count is how many there are of a block or in a list.
func (r resource) count(name string) float64 {
	list, _ := r.at(name).([]any)
	return float64(len(list))
}

// workspace is a copy of one module in which terraform may write.
type workspace struct{ dir string }

// mustWorkspace copies a module and has terraform initialize it, without the bucket.
func mustWorkspace(t *testing.T, module string) workspace {
	t.Helper()
	_, unreachable := os.Stat(os.Getenv("TF_CLI_CONFIG_FILE"))
	if _, err := exec.LookPath("terraform"); err != nil || unreachable != nil {
		t.Skip("NOT CHECKED: the plan. This needs terraform, and TF_CLI_CONFIG_FILE set: run terraform/check")
	}
	w := mustCopyModule(t, t.TempDir(), module, "functions", "docs") // which the files read
	w.mustRun(t, "init", "-no-color", "-input=false")
	return w
}

// mustCopyModule copies a module into the folder terraform of root, links what is beside it
// in the repository, and takes the state away from its bucket.
func mustCopyModule(t *testing.T, root, module string, beside ...string) workspace {
	t.Helper()
	w := workspace{filepath.Join(root, "terraform")}
	if err := os.CopyFS(w.dir, os.DirFS(module)); err != nil {
		t.Fatal(err)
	}
	for _, name := range beside {
		target, err := filepath.Abs(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, left := range []string{".terraform", ".terraform.lock.hcl", "bootstrap/.terraform", "bootstrap/.terraform.lock.hcl"} {
		if err := os.RemoveAll(filepath.Join(w.dir, left)); err != nil {
			t.Fatal(err)
		}
	}
	w.mustWrite(t, "backend_override.tf", "terraform {\n  backend \"local\" {}\n}\n")
	return w
}

func (w workspace) mustWrite(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(w.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (w workspace) mustRun(t *testing.T, args ...string) []byte {
	t.Helper()
	out, fault := w.run(t, args...)
	if fault != "" {
		t.Fatal(fault)
	}
	return out
}

// run returns what terraform prints, or what it says is wrong.
func (w workspace) run(t *testing.T, args ...string) (out []byte, fault string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "terraform", args...)
	cmd.Dir = w.dir
	cmd.Env = append(os.Environ(), "TF_DATA_DIR=", "TF_IN_AUTOMATION=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Sprintf("terraform %s: %v\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return out, ""
}

// mustPlan returns a plan with further arguments, such as -var-file.
func (w workspace) mustPlan(t *testing.T, args ...string) plan {
	t.Helper()
	w.mustRun(t, append([]string{"plan", "-no-color", "-input=false", "-refresh=false", "-out=test.tfplan"}, args...)...)
	var p plan
	if err := json.Unmarshal(w.mustRun(t, "show", "-json", "test.tfplan"), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.PlannedValues.RootModule.Resources) == 0 {
		t.Fatal("the plan holds nothing")
	}
	return p
}

// environments are planned once, for all tests.
var environments = struct {
	sync.Mutex
	plans map[string]plan
}{plans: map[string]plan{}}

// mustPlanOf returns the plan of the example of an environment, with further arguments.
func mustPlanOf(t *testing.T, environment string, args ...string) plan {
	t.Helper()
	environments.Lock()
	defer environments.Unlock()
	key := environment + " " + strings.Join(args, " ")
	if _, done := environments.plans[key]; !done {
		environments.plans[key] = mustWorkspace(t, ".").mustPlan(t, append([]string{"-var-file=env/" + environment + ".tfvars.example"}, args...)...)
	}
	return environments.plans[key]
}

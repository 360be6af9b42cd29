package terraform_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gcloudCommand is a command or a group of gcloud, as gcloud's own table for
// completion has it. A flag's kind is "bool", "value" or the list of its values.
type gcloudCommand struct {
	Commands map[string]*gcloudCommand `json:"commands"`
	Flags    map[string]any            `json:"flags"`
}

// mustGcloud reads the table of the gcloud that is installed.
func mustGcloud(t *testing.T) *gcloudCommand {
	t.Helper()
	const unchecked = "NOT CHECKED: gcloud's commands and flags. This needs the gcloud CLI: "
	program, err := exec.LookPath("gcloud")
	if err != nil {
		t.Skip(unchecked + err.Error())
	}
	if program, err = filepath.EvalSymlinks(program); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(filepath.Dir(program), "..", "data", "cli", "gcloud_completions.py"))
	if err != nil {
		t.Skip(unchecked + err.Error())
	}
	// The table is Python, in a form that is JSON, too.
	_, table, found := bytes.Cut(text, []byte("STATIC_COMPLETION_CLI_TREE = "))
	var root gcloudCommand
	if err := json.Unmarshal(table, &root); !found || err != nil || len(root.Commands) < 50 {
		t.Fatalf("gcloud's table has another form by now: %v", err)
	}
	return &root
}

// fault says what is wrong with the arguments of a call, "" if nothing is.
func (c *gcloudCommand) fault(args []string) string {
	flags := map[string]any{}
	var path []string
	command := c
	maps.Copy(flags, c.Flags)
	rest := args
	for len(rest) > 0 && command.Commands[rest[0]] != nil {
		command, path, rest = command.Commands[rest[0]], append(path, rest[0]), rest[1:]
		maps.Copy(flags, command.Flags)
	}
	if len(command.Commands) > 0 {
		return fmt.Sprintf("gcloud %s: there is no such command", strings.Join(args, " "))
	}
	for _, arg := range rest {
		if !strings.HasPrefix(arg, "--") {
			continue
		}
		name, value, given := strings.Cut(arg, "=")
		kind, known := flags[name]
		if !known {
			return fmt.Sprintf("gcloud %s: there is no flag %s", strings.Join(path, " "), name)
		}
		if values, listed := kind.([]any); listed && given && !slices.Contains(values, any(value)) {
			return fmt.Sprintf("gcloud %s: %s is one of %v", strings.Join(path, " "), name, values)
		}
		if kind == "bool" && given || kind == "value" && !given {
			return fmt.Sprintf("gcloud %s: write %s with = and a value, if it takes one", strings.Join(path, " "), name)
		}
	}
	return ""
}

// TestGcloudFaults plants faults.
func TestGcloudFaults(t *testing.T) {
	t.Parallel()
	gcloud := mustGcloud(t)
	for args, want := range map[string]string{
		"run deploy shop --image=x --no-traffic --region=y":  "",
		"secrets versions add KEY --data-file=-":             "",
		"run deplyo shop --image=x":                          "no such command",
		"run":                                                "no such command",
		"run deploy shop --imagee=x":                         "no flag --imagee",
		"run deploy shop --image":                            "with = and a value",
		"run jobs execute migrate --wait=yes":                "with = and a value",
		"run deploy shop --ingress=everybody":                "--ingress is one of",
		"run services update-traffic shop --to-revision=a=1": "no flag --to-revision",
	} {
		if got := gcloud.fault(strings.Fields(args)); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("gcloud %s: got %q, want %q", args, got, want)
		}
	}
}

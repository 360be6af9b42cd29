// Package gcloudtest says which commands and flags gcloud has, by the table with which
// the gcloud on this machine completes command lines.
package gcloudtest

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

// Command is a command or a group of gcloud, as gcloud's own table for
// completion has it. A flag's kind is "bool", "value" or the list of its values.
type Command struct {
	Commands map[string]*Command `json:"commands"`
	Flags    map[string]any      `json:"flags"`
}

// Installed reads the table of the gcloud that is installed. Without one it skips
// the test, and says what was not checked.
func Installed(t testing.TB) *Command {
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
	var root Command
	if err := json.Unmarshal(table, &root); !found || err != nil || len(root.Commands) < 50 {
		t.Fatalf("gcloud's table has another form by now: %v", err)
	}
	return &root
}

// Fault says what is wrong with the arguments of a call, "" if nothing is.
func (c *Command) Fault(args []string) string {
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

// FlagsOf returns the flags that a command takes, its groups' among them, and of each
// whether it is a "bool" or has a "value"; nil if there is no such command.
func (c *Command) FlagsOf(path string) map[string]string {
	kinds, command := map[string]string{}, c
	add := func() {
		for name, kind := range command.Flags {
			if kinds[name] = "value"; kind == "bool" {
				kinds[name] = "bool"
			}
		}
	}
	add()
	for word := range strings.FieldsSeq(path) {
		if command = command.Commands[word]; command == nil {
			return nil
		}
		add()
	}
	return kinds
}

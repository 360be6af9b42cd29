package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// TestCommandGroups requires that help lists every command in a group: commands for
// people apart from those for containers and pipelines.
func TestCommandGroups(t *testing.T) {
	t.Parallel()
	p := &program{getenv: func(string) string { return "" }, stdout: io.Discard, stderr: io.Discard}
	root := p.rootCommand()
	titles := map[string]string{}
	for _, group := range root.Groups() {
		titles[group.ID] = group.Title
	}
	for _, command := range root.Commands() {
		if titles[command.GroupID] == "" {
			t.Errorf("command %s is in no group: addCommands in root.go has them", command.Name())
		}
	}
	var help bytes.Buffer
	root.SetOut(&help)
	if err := root.Help(); err != nil {
		t.Fatal(err)
	}
	before, machines, found := strings.Cut(help.String(), "For containers and pipelines:\n")
	if !found || strings.Contains(help.String(), "Available Commands") || strings.Contains(help.String(), "Additional Commands") {
		t.Fatalf("help has other groups:\n%s", help.String())
	}
	for name, part := range map[string]string{"up": before, "status": before, "audit": before, "relay": machines, "rollout": machines} {
		if !strings.Contains(part, "\n  "+name+" ") && !strings.HasPrefix(part, "  "+name+" ") {
			t.Errorf("%s is in another group:\n%s", name, help.String())
		}
	}
}

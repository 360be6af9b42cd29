package main_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// afterEval are invocations of every command that is about the system of a state
// directory, and the exit code of each where that system runs.
var afterEval = map[string][]struct {
	args string
	code int
	says string
}{
	"up": {
		{"up --detach --port 0", 1, "a system is already running"},
		{"up --port 0", 1, "a system is already running"},
	},
	"status":      {{"status", 0, "order-place"}, {"status --json", 0, `"gateway"`}},
	"env":         {{"env", 0, "export SOUK_URL="}},
	"console":     {{"console --print", 0, "token="}},
	"load":        {{"load browse --users 1 --duration 1s", 0, ""}},
	"audit":       {{"audit", 0, "it adds up"}, {"audit --json", 0, `"ok": true`}},
	"deadletters": {{"deadletters list", 0, ""}, {"deadletters show order-confirm.stock-reserved", 0, ""}},
	"keys":        {{"keys list", 0, ""}},
	"trail":       {{"trail --resource product --operation product-archive --limit 1", 0, `status "active" → "archived"`}, {"trail --json", 0, `"service": "user"`}}, // of the load
	"listen":      {{"listen --events order.lost", 1, "body.eventTypes"}},
	"scheduler":   {{"scheduler run order-outbox", 0, "called order-outbox"}},
	"down":        {{"down", 0, "stopped after"}}, // the last: it ends the system
}

// TestEnvChangesNothing runs every command in a shell that has evaluated what
// `souk env` prints: it is about the same system as before.
func TestEnvChangesNothing(t *testing.T) {
	t.Parallel()
	stateDir, server := t.TempDir(), mustServer(t)
	mustUp(t, stateDir, server)
	binary := filepath.Join(binDir, "souk")
	exported := strings.Count(souk(t, "env", "--state-dir", stateDir).requireExitCode(t, 0).stdout, "export ")
	if exported < 4 {
		t.Fatalf("souk env exports %d variables", exported)
	}
	listed := regexp.MustCompile(`(?m)^  ([a-z-]+) +[A-Z]`).FindAllStringSubmatch(souk(t, "help").requireExitCode(t, 0).stdout, -1)
	if len(listed) < 15 {
		t.Fatalf("help lists only %v", listed)
	}
	for _, command := range append(listed, []string{"", "down"}) {
		name := command[1]
		if name == "down" && command[0] != "" {
			continue
		}
		cases := afterEval[name]
		if len(cases) == 0 {
			requireNoStateDirFlag(t, name)
		}
		for _, c := range cases {
			t.Run(c.args, func(t *testing.T) {
				cmd := shellCommand(t, fmt.Sprintf(`eval "$(%[1]s env --state-dir %[2]s)"; exec %[1]s %[3]s --state-dir %[2]s`, binary, stateDir, c.args))
				cmd.Env = append(cmd.Env, "DATABASE_URL="+server)
				if r := finish(t, cmd).requireExitCode(t, c.code); !strings.Contains(r.stdout+r.stderr, c.says) {
					t.Errorf("it does not say %q:\n%s%s", c.says, r.stdout, r.stderr)
				}
			})
		}
	}
}

// requireNoStateDirFlag fails for a command that is about the system of a state
// directory and has no case above.
func requireNoStateDirFlag(t *testing.T, name string) {
	t.Helper()
	help := souk(t, "help", name).requireExitCode(t, 0).stdout
	if strings.Contains(help, "--state-dir") {
		t.Errorf("souk %s takes --state-dir: add it to afterEval", name)
	}
}

// shellCommand is a shell that runs a script, without settings from around it.
func shellCommand(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	cmd := command(t)
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Path, cmd.Args = shell, []string{"sh", "-c", script}
	return cmd
}

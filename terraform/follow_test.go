package terraform_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"souk/emulators/buildtest"
)

// follow runs all commands of a page in one shell, in a copy of the repository, with
// stand-ins for what is beyond this machine, and returns how each program was called.
// Terraform is the real one where the tests have it.
func follow(t *testing.T, page string) map[string][][]string {
	t.Helper()
	root, calls, programs := t.TempDir(), t.TempDir(), t.TempDir()
	mustCopyModule(t, root, ".", "cmd", "deploy", "docs", "emulators", "functions", "shared", "go.mod", "go.sum", "Makefile")
	mustWriteStandIn(t, programs)

	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "bash", "-euo", "pipefail")
	cmd.Dir = root
	cmd.Stdin = strings.NewReader(strings.Join(commands(page), "\n"))
	cmd.Env = append(os.Environ(), "PATH="+programs+":"+os.Getenv("PATH"), "CALLS="+calls, "TF_IN_AUTOMATION=1", "TF_DATA_DIR=")
	if said, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("following the page: %v\n%s", err, said)
	}
	return mustReadRecords(t, calls)
}

func mustReadRecords(t *testing.T, folder string) map[string][][]string {
	t.Helper()
	files, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	records := map[string][][]string{}
	for _, file := range files {
		for line := range strings.Lines(mustRead(t, filepath.Join(folder, file.Name()))) {
			records[file.Name()] = append(records[file.Name()], strings.Split(strings.TrimSuffix(line, "\x1f\n"), "\x1f"))
		}
	}
	return records
}

// mustWriteStandIn creates programs that record their arguments, and print what the real
// ones would where the output is read.
func mustWriteStandIn(t *testing.T, folder string) {
	t.Helper()
	outputs := map[string]string{
		"docker": "", "curl": "",
		"git": "echo abc1234",
		"gcloud": `case "$*" in
*--data-file=-*) cat >/dev/null ;;
*"images describe"*) echo sha256:` + strings.Repeat("a", 64) + ` ;;
*"project-info describe"*) printf '%s,200.0,0.0\n' BACKEND_SERVICES NETWORKS ;;
*"regions describe"*) echo NETWORK_ENDPOINT_GROUPS,50.0,0.0 ;;
*"revisions list"*) printf 'product-http-2\nproduct-http-1\n' ;;
esac`,
		"go": `if [[ "$1 $2 $3" == "run ./cmd/souk cost" ]]; then exec "$SOUK" "${@:3}"; fi`,
	}
	if _, unreachable := os.Stat(os.Getenv("TF_CLI_CONFIG_FILE")); unreachable != nil {
		t.Log("NOT CHECKED: what Terraform says to the page's commands. This needs terraform, and TF_CLI_CONFIG_FILE set: run terraform/check")
		outputs["terraform"] = withoutTerraform
	} else if terraform, err := exec.LookPath("terraform"); err != nil {
		t.Logf("NOT CHECKED: what Terraform says to the page's commands: %v", err)
		outputs["terraform"] = withoutTerraform
	} else {
		// The state stays here, and no one confirms interactively.
		outputs["terraform"] = `args=()
for arg; do
	[[ $arg == -backend-config=* ]] || args+=("$arg")
	[[ $arg != apply && $arg != destroy ]] || args+=(-auto-approve -input=false -no-color)
done
exec ` + terraform + ` "${args[@]}"`
	}
	outputs["go"] = strings.ReplaceAll(outputs["go"], "$SOUK", mustSouk(t))
	for name, output := range outputs {
		script := "#!/usr/bin/env bash\nset -euo pipefail\n{ printf '%s\\037' \"$@\"; echo; } >>\"$CALLS/" + name + "\"\n" + output + "\n"
		if err := os.WriteFile(filepath.Join(folder, name), []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// withoutTerraform stands in for Terraform where the tests have none.
const withoutTerraform = `case "$*" in
*" plan "*) echo "  # google_compute_network.shop will be created" ;;
*) echo 192.0.2.1 ;;
esac`

// mustSouk builds souk.
func mustSouk(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "souk")
	if err := buildtest.Program(t.Context(), program, "souk/cmd/souk"); err != nil {
		t.Fatal(err)
	}
	return program
}

package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

const typescriptClient = "../clients/typescript"

// noRegistry matches the errors of npm without a registry.
var noRegistry = regexp.MustCompile(`ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|E50[0-9]`)

// installed is the outcome of installing and compiling the TypeScript client, once for all tests.
var installed = sync.OnceValues(func() (skip string, err error) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is missing, install Node.js from 20 on, with npm", nil
		}
	}
	lock, err := os.ReadFile(filepath.Join(typescriptClient, "package-lock.json"))
	if err != nil {
		return "", err
	}
	// npm ci deletes what is there before it installs it again.
	mark := filepath.Join(typescriptClient, "node_modules", ".installed")
	hash := fmt.Appendf(nil, "%x", sha256.Sum256(lock))
	if existing, err := os.ReadFile(mark); err != nil || !bytes.Equal(existing, hash) {
		output, err := node("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund").CombinedOutput()
		if err != nil && noRegistry.Match(output) {
			return "there is no npm registry: " + string(output), nil
		}
		if err != nil {
			return "", fmt.Errorf("npm ci: %w\n%s", err, output)
		}
		if err := os.WriteFile(mark, hash, 0o600); err != nil {
			return "", err
		}
	}
	if output, err := node("npm", "run", "--silent", "pretest").CombinedOutput(); err != nil {
		return "", fmt.Errorf("the TypeScript client does not compile with functions/openapi.yaml: %w\n%s", err, output)
	}
	return "", nil
})

// node returns a command in the folder of the TypeScript client.
func node(name string, args ...string) *exec.Cmd {
	command := exec.Command(name, args...)
	command.Dir = typescriptClient
	return command
}

// requireTypeScript compiles the TypeScript client and its example, or skips the test. It also writes
// to standard error, because `go test` without -v does not show why tests were skipped.
func requireTypeScript(t *testing.T) {
	t.Helper()
	skip, err := installed()
	if err != nil {
		t.Fatal(err)
	}
	if skip != "" {
		fmt.Fprintf(os.Stderr, "SKIPPED %s: %s\n", t.Name(), skip)
		t.Skip("NOT CHECKED: " + skip)
	}
}

// variables returns the variables of `souk env`.
func (s *system) variables() []string {
	return []string{
		"SOUK_URL=" + strings.TrimSuffix(s.Gateway, "/"), "SOUK_MAIL_URL=" + s.Mail.URL,
		"SOUK_ADMIN_EMAIL=" + s.Admin.Email, "SOUK_ADMIN_PASSWORD=" + s.Admin.Password,
	}
}

// TestTypeScriptClient runs the tests of the TypeScript client, among them docs/storefront.md, against
// a system. It fails if the client does not match functions/openapi.yaml.
func TestTypeScriptClient(t *testing.T) {
	parallel(t)
	requireTypeScript(t)
	s := startSystem(t, paymentsOn)
	tests, err := filepath.Glob(filepath.Join(typescriptClient, "build/test/*.test.js"))
	if err != nil || len(tests) < 4 {
		t.Fatalf("found the tests %q, %v", tests, err)
	}
	args := []string{"--test"}
	for _, test := range tests {
		args = append(args, filepath.Join("build/test", filepath.Base(test)))
	}
	command := node("node", args...)
	command.Env = append(os.Environ(), s.variables()...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
	if !regexp.MustCompile(`(?m)^\S+ skipped 0$`).Match(output) {
		t.Errorf("tests were skipped:\n%s", output)
	}
}

// TestGoClient runs the tests of the Go client, a module of its own, against a system.
func TestGoClient(t *testing.T) {
	parallel(t)
	s := startSystem(t, paymentsOn)
	command := exec.Command("go", "test", "-count=1", "./...")
	command.Dir = "../clients/go"
	command.Env = append(append(os.Environ(), s.variables()...), "CGO_ENABLED=0")
	if output, err := command.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}

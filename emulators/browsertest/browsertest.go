// Package browsertest helps tests of pages in a browser.
package browsertest

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Require skips a test if Chromium is not installed. It also writes to standard error, because
// `go test` without -v does not show why tests were skipped.
func Require(t testing.TB) {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "headless-shell"} {
		if _, err := exec.LookPath(name); err == nil {
			return
		}
	}
	fmt.Fprintf(os.Stderr, "SKIPPED %s: Chromium is missing, install it with: apt-get install chromium\n", t.Name())
	t.Skip("NOT CHECKED: Chromium is missing")
}

package buildtest

import (
	"os"
	"strings"
	"testing"
)

// TestSettings requires the settings of tools/build, so that both share what is compiled.
func TestSettings(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("../../tools/build")
	if err != nil {
		t.Fatal(err)
	}
	flag, value, _ := strings.Cut(linkerFlags, "=")
	want := environment + " go build -v " + trimPath + " " + flag + "='" + value + "' "
	if !strings.Contains(string(script), want) {
		t.Errorf("tools/build does not have %q", want)
	}
}

// TestProgram requires that an error of the compiler is reported.
func TestProgram(t *testing.T) {
	t.Parallel()
	if err := Program(t.Context(), t.TempDir()+"/none", "souk/none"); err == nil || !strings.Contains(err.Error(), "souk/none") {
		t.Errorf("got %v", err)
	}
}

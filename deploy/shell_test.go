package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestScriptsIgnoreCDPATH has every script that changes its folder do so without CDPATH, by
// which cd would look in other folders first, and print where it went.
func TestScriptsIgnoreCDPATH(t *testing.T) {
	t.Parallel()
	scripts, err := filepath.Glob("*")
	if err != nil {
		t.Fatal(err)
	}
	cd := regexp.MustCompile(`(?m)^(.*)\bcd "\$[({]`)
	found := 0
	for _, script := range append(scripts, "../terraform/check", "../.ci/run") {
		text, err := os.ReadFile(script)
		if err != nil || !strings.HasPrefix(string(text), "#!") {
			continue // a folder, or no script
		}
		for _, match := range cd.FindAllStringSubmatch(string(text), -1) {
			found++
			if match[1] != "CDPATH='' " {
				t.Errorf("%s changes its folder with the caller's CDPATH: %q", script, match[0])
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d scripts change their folder", found)
	}
	for script, variable := range requiredSettings {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t)
			elsewhere := filepath.Join(p.dir, "elsewhere")
			if err := os.MkdirAll(filepath.Join(elsewhere, "deploy"), 0o700); err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), "bash", "deploy/"+script)
			cmd.Dir = ".."
			cmd.Env = append(slices.Clone(p.env), "CDPATH="+elsewhere, variable+"=")
			if said, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(said), variable+" is not set") {
				t.Errorf("%v: %s", err, said)
			}
		})
	}
}

// TestListWithoutNewline has scripts read the last line of the list of images, whether or
// not it ends in a newline.
func TestListWithoutNewline(t *testing.T) {
	t.Parallel()
	for script, env := range map[string][]string{
		"scan":    {},
		"attest":  {"ATTESTOR=projects/p/attestors/a", "KEY_VERSION=projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1"},
		"rollout": {"DRY_RUN=1"},
	} {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			complete, cut := mustProject(t, "user"), mustProject(t, "user")
			list := filepath.Join(cut.dir, "images")
			text, err := os.ReadFile(list)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(list, []byte(strings.TrimSuffix(string(text), "\n")), 0o600); err != nil {
				t.Fatal(err)
			}
			var calls [2][]string
			for i, p := range []project{complete, cut} {
				if ok, said := p.run(t, script, env...); !ok {
					t.Fatal(said)
				}
				calls[i] = p.mustRead(t).Calls
			}
			if len(calls[0]) == 0 || !slices.Equal(calls[0], calls[1]) {
				t.Errorf("with a newline it called %q, without one %q", calls[0], calls[1])
			}
		})
	}
}

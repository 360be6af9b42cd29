package terraform_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLockFile requires a lock file of each module that names the providers of versions.tf
// alone, by the version that the schema of these tests has, with checksums of all platforms.
// Whether these are the registry's, only the registry can show: docs/deploy.md.
func TestLockFile(t *testing.T) {
	t.Parallel()
	for file, source := range map[string]string{".terraform.lock.hcl": "versions.tf", "bootstrap/.terraform.lock.hcl": "bootstrap/main.tf"} {
		lock := mustRead(t, file)
		locked := all(`(?m)^provider "registry[.]terraform[.]io/([^"]+)"`, lock)
		if required := all(`source += "([^"]+)"`, mustRead(t, source)); !slices.Equal(locked, required) {
			t.Errorf("%s has %q, %s requires %q", file, locked, source, required)
		}
		if !strings.Contains(lock, `version     = "6.50.0"`) || !strings.Contains(lock, `constraints = ">= 6.50.0, < 7.0.0"`) {
			t.Errorf("%s locks another version than 6.50.0, or for another constraint than that of %s", file, source)
		}
		// One for each of eleven platforms and one for the provider's manifest; those that
		// begin with h1 are of one platform, and the stand-in's.
		hashes := regexp.MustCompile(`"zh:[0-9a-f]{64}"`).FindAllString(lock, -1)
		if slices.Sort(hashes); len(slices.Compact(hashes)) != 12*len(locked) || strings.Contains(lock, `"h1:`) {
			t.Errorf("%s has the checksums %q", file, hashes)
		}
	}
	if mustRead(t, ".terraform.lock.hcl") != mustRead(t, "bootstrap/.terraform.lock.hcl") {
		t.Error("the two modules lock different providers")
	}
}

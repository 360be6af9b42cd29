package cost

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// TestEveryResourceHasAPrice fails for a kind of resource in terraform/ without a known
// price.
func TestEveryResourceHasAPrice(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(terraform + "/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	bootstrap, err := filepath.Glob(terraform + "/bootstrap/*.tf")
	if err != nil || len(files) < 10 || len(bootstrap) == 0 {
		t.Fatalf("found %d and %d files, %v", len(files), len(bootstrap), err)
	}
	for _, file := range append(files, bootstrap...) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range unpriced(string(text)) {
			t.Errorf("%s: %s: say in resources.go by which lines it is paid for, or why it is free", filepath.Base(file), fault)
		}
	}
	t.Run("one that has none is found", func(t *testing.T) {
		t.Parallel()
		if got := unpriced(`resource "google_redis_instance" "cache" {`); len(got) != 1 {
			t.Errorf("found %q", got)
		}
	})
	t.Run("every price is used, and every price that is used is there", func(t *testing.T) {
		t.Parallel()
		prices, err := StandardPrices()
		if err != nil {
			t.Fatal(err)
		}
		used := []string{}
		for _, lines := range pricedBy {
			used = append(used, lines...)
		}
		for _, name := range used {
			if _, there := prices.Prices[name]; !there {
				t.Errorf("prices.yaml has no %s", name)
			}
		}
		for name := range prices.Prices {
			if !slices.Contains(used, name) {
				t.Errorf("resources.go has nothing that costs %s", name)
			}
		}
	})
}

func unpriced(text string) (faults []string) {
	for _, match := range regexp.MustCompile(`(?m)^resource "([a-z0-9_]+)"`).FindAllStringSubmatch(text, -1) {
		if _, free := freeOfCharge[match[1]]; !free && pricedBy[match[1]] == nil {
			faults = append(faults, match[1])
		}
	}
	return faults
}

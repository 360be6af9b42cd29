package cost

import (
	"flag"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"souk/functions"
)

var update = flag.Bool("update", false, "write the tables of docs/capacity.md")

func rateOf(t *testing.T, ceilings []Ceiling, name string) float64 {
	t.Helper()
	i := slices.IndexFunc(ceilings, func(c Ceiling) bool { return c.Name == name })
	if i < 0 {
		t.Fatalf("there is no ceiling %q", name)
	}
	return ceilings[i].PerSecond
}

// TestCapacityByHand compares ceilings with what a person computes.
func TestCapacityByHand(t *testing.T) {
	t.Parallel()
	// An order is order-place (101 ms) and stock-reserve (5 ms), and one message: 3 commits.
	shop := small(t, func(s *Shop) {
		s.Measured.Functions["session-create"] = Call{Ms: 40, CPUMs: 20}
		s.Settings.Subnet = "10.0.0.0/24"
		s.Settings.Database = Database{Tier: "db-custom-2-8192", Edition: "ENTERPRISE", DiskGB: 10, MaxConnections: 126}
	})
	one := Capacity(shop)
	for name, want := range map[string]float64{
		"disk IOPS":       300.0 / 6,
		"writer CPU":      2 * 1000 / 106.0,
		"connections":     106 * 1000 / 106.0,
		"one hot product": 200,
		"database pool":   3 * 2 * 1000 / 101.0,
		"VPC addresses":   (256 - 4) / 2,
	} {
		if got := rateOf(t, one, name); math.Abs(got-want) > 1e-9*want {
			t.Errorf("%s: %v a second, want %v", name, got, want)
		}
	}
	shop.Settings.Database.OwnInstance = []string{"order", "user"}
	three := Capacity(shop)
	for _, name := range []string{"disk IOPS", "writer CPU", "connections"} {
		if got, want := rateOf(t, three, name), 3*rateOf(t, one, name); math.Abs(got-want) > 1e-9*want {
			t.Errorf("%s with an instance a service: %v a second, want %v", name, got, want)
		}
	}
}

// TestCapacityPage compares the tables of docs/capacity.md with what is computed for the
// examples of Terraform's variables.
func TestCapacityPage(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../../../docs/capacity.md", "-update -->\n", "<!-- end of tables -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, opened := strings.Cut(string(text), begin)
	tables, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		t.Fatal("docs/capacity.md has no place for the tables")
	}
	var want strings.Builder
	for _, example := range []string{"tiny", "dev", "prod"} {
		want.WriteString(capacityTable(t, example, nil))
	}
	want.WriteString(capacityTable(t, "prod", &Payments{Enabled: true}))
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want.String()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if tables != want.String() {
		t.Errorf("docs/capacity.md has other figures: go test ./cmd/souk/internal/cost -run Capacity -update. It should have:\n%s", want.String())
	}
}

func capacityTable(t *testing.T, example string, payments *Payments) string {
	t.Helper()
	settings, err := ReadSettings(terraform, terraform+"/env/"+example+".tfvars.example")
	if err != nil {
		t.Fatal(err)
	}
	title := example
	if settings.Payments = payments; payments != nil {
		title += ", with payments"
	}
	shop, err := NewShop(functions.Manifest(), settings)
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	fmt.Fprintf(&table, "\n### The example for %s\n\n| at | gives | computation | lifted by |\n|---|---|---|---|\n", title)
	for _, c := range Capacity(shop) {
		if !(c.PerSecond > 0) || math.IsInf(c.PerSecond, 0) {
			t.Errorf("%s: the ceiling %q is %v", example, c.Name, c.PerSecond)
		}
		unit := c.Unit + "/s"
		if c.Unit == "instances" {
			unit = c.Unit
		}
		fmt.Fprintf(&table, "| %.0f %s | %s | %s | %s |\n", c.PerSecond, unit, c.Name, c.How, c.Lift)
	}
	return table.String() + "\n"
}

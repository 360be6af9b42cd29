package terraform_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestCostCountsWhatIsPlanned holds what `souk cost` counts to the plans.
func TestCostCountsWhatIsPlanned(t *testing.T) {
	t.Parallel()
	souk := mustSouk(t)
	const payments = `payments={seller={name="Example GmbH",address=["Main Street 1"]}}`
	for _, name := range []string{"tiny", "dev", "prod", "tiny with payments", "prod with payments"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			environment, further, _ := strings.Cut(name, " ")
			values, args := "env/"+environment+".tfvars.example", []string(nil)
			if further != "" {
				text := mustRead(t, values) + "\n" + payments + "\n"
				values, args = filepath.Join(t.TempDir(), "values.tfvars"), []string{"-var=" + payments}
				if err := os.WriteFile(values, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			p := mustPlanOf(t, environment, args...)
			text, err := exec.CommandContext(t.Context(), souk, "cost", "--json", "--terraform=.", "--var-file="+values).Output()
			if err != nil {
				t.Fatal(err)
			}
			var bill struct {
				Lines []struct {
					Price    string
					Quantity float64
				}
			}
			if err := json.Unmarshal(text, &bill); err != nil {
				t.Fatal(err)
			}
			counted := map[string]float64{}
			for _, line := range bill.Lines {
				counted[line.Price] = line.Quantity
			}
			for price, n := range planned(p) {
				if got, there := counted[price]; !there && n > 0 || math.Abs(got-n) > 1e-6*n {
					t.Errorf("souk cost counts %v of %s, the plan has %v", got, price, n)
				}
			}
		})
	}
}

// planned returns the quantities of prices in a plan that do not depend on usage.
func planned(p plan) map[string]float64 {
	const seconds = 730 * 3600
	n := map[string]float64{
		"scheduler": float64(len(p.of("google_cloud_scheduler_job"))),
		// One more version than there are secrets: a key that is being replaced.
		"secret-versions": float64(len(p.of("google_secret_manager_secret"))) + 1,
	}
	// What there is not is not counted either.
	for _, price := range []string{"lb-rules", "lb-data", "armor-policy", "armor-rules", "armor-requests", "cdn-lookups"} {
		n[price] = 0
	}
	if len(p.of("google_compute_backend_service")) > 0 {
		delete(n, "lb-data")
		delete(n, "armor-requests")
		delete(n, "cdn-lookups")
	}
	// Up to five rules cost what one does.
	if rules := len(p.of("google_compute_global_forwarding_rule")); rules > 0 && rules <= 5 {
		n["lb-rules"] = 730
	}
	for _, policy := range p.of("google_compute_security_policy") {
		n["armor-policy"]++
		n["armor-rules"] += policy.count("rule")
	}
	for _, alert := range p.of("google_monitoring_alert_policy") {
		n["alerts"] += alert.count("conditions")
	}
	for _, check := range p.of("google_monitoring_uptime_check_config") {
		if check.text("period") == "300s" {
			n["uptime"] += check.count("selected_regions") * seconds / 300
		}
	}
	for _, db := range p.of("google_sql_database_instance") {
		machines := 1.0
		if db.text("settings", 0, "availability_type") == "REGIONAL" {
			machines = 2
		}
		switch tier := db.text("settings", 0, "tier"); tier {
		case "db-f1-micro", "db-g1-small":
			n["sql-"+strings.TrimPrefix(tier, "db-")] += machines * 730
		default:
			n["sql-cpu"] += machines * 730 * 2
		}
	}
	return n
}

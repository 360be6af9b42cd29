package terraform_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"souk/functions"
	"souk/shared/manifest"
)

// givenPassword is what an operator sets TF_VAR_migrate_password to.
const givenPassword = "correct-horse-battery-staple"

// TestPasswordIsNowhere searches a plan for the password that it was given.
func TestPasswordIsNowhere(t *testing.T) {
	t.Parallel()
	p := mustPlanOf(t, "prod", everything...)
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), givenPassword) {
		t.Error("the plan has the password of the migration job")
	}
	for kind, version := range map[string]string{"google_sql_user": "password_wo_version", "google_secret_manager_secret_version": "secret_data_wo_version"} {
		found := 0
		for _, r := range p.of(kind) {
			if r.at(version) != nil {
				found++
			}
			if r.at("password") != nil || r.at("secret_data") != nil {
				t.Errorf("%s has a password that goes to the state", r.Address)
			}
		}
		if found != 1 {
			t.Errorf("%d resources %s have a write-only password", found, kind)
		}
	}
}

// privacyFaults reports where a plan stores what can name persons, for longer than a week
// or somewhere else than in the region.
func privacyFaults(p plan, region string) (faults []string) {
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	for _, secret := range p.of("google_secret_manager_secret") {
		if places := secret.valuesAt("replication.user_managed.replicas.location"); !slices.Equal(places, []any{region}) {
			fault("%s is stored in %v", secret.Address, places)
		}
	}
	for _, bucket := range p.of("google_logging_project_bucket_config") {
		if bucket.text("location") != region {
			fault("%s is stored in %s", bucket.Address, bucket.text("location"))
		}
		if bucket.text("bucket_id") == "souk-personal" && bucket.text("retention_days") != "7" {
			fault("%s is stored for %s days", bucket.Address, bucket.text("retention_days"))
		}
	}
	for _, db := range p.of("google_sql_database_instance") {
		for _, flag := range db.blocks("settings.database_flags") {
			name := flag.text("name")
			if value := flag.text("value"); slices.Contains([]string{"slow_query_log", "innodb_print_all_deadlocks", "general_log"}, name) && value != "off" {
				fault("%s has %s = %s", db.Address, name, value)
			}
		}
	}
	personal := 0
	for _, sink := range p.of("google_logging_project_sink") {
		filter := sink.text("filter")
		if sink.text("name") == "souk-personal" && strings.Contains(filter, `logName:"cloudsql.googleapis.com%2Fmysql"`) {
			personal++
		}
		if sink.text("name") != "souk-personal" && !strings.Contains(filter, `NOT (resource.type="cloudsql_database" AND logName:"cloudsql.googleapis.com%2Fmysql")`) {
			fault("%s takes the database's logs", sink.Address)
		}
	}
	if personal != 1 {
		fault("%d sinks route the database's logs to the restricted bucket", personal)
	}
	if exclusions := p.of("google_logging_project_exclusion"); len(exclusions) != 1 || exclusions[0].text("filter") != `NOT resource.type="build"` {
		fault("the global bucket _Default gets log entries")
	}
	audited := false
	for _, config := range p.of("google_project_iam_audit_config") {
		audited = audited || config.text("service") == "secretmanager.googleapis.com" && slices.Contains(config.valuesAt("audit_log_config.log_type"), any("DATA_READ"))
	}
	if !audited {
		fault("it is not logged who reads a secret")
	}
	return faults
}

func TestPrivacy(t *testing.T) {
	t.Parallel()
	p := mustPlanOf(t, "prod")
	for _, fault := range privacyFaults(p, "europe-west1") {
		t.Error(fault)
	}
	t.Run("what is wrong is found", func(t *testing.T) {
		t.Parallel()
		if faults := privacyFaults(plan{}, "europe-west1"); len(faults) != 3 {
			t.Errorf("of an empty plan: %q", faults)
		}
		if faults := privacyFaults(p, "us-central1"); len(faults) < 5 {
			t.Errorf("of another region: %q", faults)
		}
	})
}

// TestDeniedRequestsAreStored requires that no sampling takes a request that Cloud Armor
// denied, or would have denied.
func TestDeniedRequestsAreStored(t *testing.T) {
	t.Parallel()
	p := mustPlanOf(t, "prod")
	for _, backend := range p.of("google_compute_backend_service") {
		if rate := backend.text("log_config", 0, "sample_rate"); rate != "1" {
			t.Errorf("%s logs a share of %s", backend.Address, rate)
		}
	}
	for _, sink := range p.of("google_logging_project_sink") {
		for _, exclusion := range sink.valuesAt("exclusions.filter") {
			for _, want := range []string{
				`NOT jsonPayload.enforcedSecurityPolicy.outcome="DENY"`, `NOT jsonPayload.previewSecurityPolicy.outcome="DENY"`, `httpRequest.status<500`, `NOT sample(insertId, 0.1)`,
			} {
				if !strings.Contains(fmt.Sprint(exclusion), want) {
					t.Errorf("%s leaves out %v, which has no %s", sink.Address, exclusion, want)
				}
			}
		}
	}
}

// TestSubnet compares the addresses of the subnet with twice the instances that
// functions.yaml allows, 16 at a time.
func TestSubnet(t *testing.T) {
	t.Parallel()
	list, needed := functions.Manifest(), 0
	for _, f := range list.Functions {
		needed += (list.ScalingOf(f).MaxInstances*2 + 15) / 16 * 16
	}
	byService := 0
	for _, scaling := range list.Scaling[manifest.PerService] {
		byService += (scaling.MaxInstances*2 + 15) / 16 * 16 * len(list.Services())
	}
	if needed < 500 || byService < 50 {
		t.Fatalf("functions.yaml needs %d and %d addresses", needed, byService)
	}
	for _, environment := range []string{"dev", "prod"} {
		p := mustPlanOf(t, environment)
		var bits int
		subnet := p.of("google_compute_subnetwork")[0].text("ip_cidr_range")
		if _, err := fmt.Sscanf(subnet[strings.Index(subnet, "/"):], "/%d", &bits); err != nil {
			t.Fatal(err)
		}
		planned := 0
		for _, run := range p.of("google_cloud_run_v2_service") {
			planned += (scalingOf(t, run).MaxInstances*2 + 15) / 16 * 16
		}
		if size := 1<<(32-bits) - 4; max(needed, planned) > size {
			t.Errorf("%s: %s has %d addresses, functions.yaml needs %d, the plan %d", environment, subnet, size, needed, planned)
		}
	}
	_, fault := mustWorkspace(t, ".").run(t, "plan", "-no-color", "-input=false", "-refresh=false", "-var-file=env/prod.tfvars.example", "-var=subnet=10.10.0.0/24")
	if said := strings.Join(strings.Fields(fault), " "); !strings.Contains(said, `subnet = "10.10.0.0/24" has 256`) {
		t.Errorf("a subnet that is too small is taken, or the plan fails otherwise: %s", said)
	}
}

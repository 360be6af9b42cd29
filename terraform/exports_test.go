package terraform_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"souk/functions"
)

// TestExports requires that every database is exported daily to another region, from where
// it can be restored for 30 days, by an identity that can do nothing else.
func TestExports(t *testing.T) {
	t.Parallel()
	for _, environment := range []string{"dev", "prod"} {
		for _, fault := range exportFaults(t, mustPlanOf(t, environment), "europe-west1") {
			t.Errorf("%s: %s", environment, fault)
		}
	}
	own := mustPlanOf(t, "dev", `-var=database={max_connections=1000,own_instance=["order"]}`)
	for _, fault := range exportFaults(t, own, "europe-west1") {
		t.Errorf("with an instance of a service's own: %s", fault)
	}
	tiny := mustPlanOf(t, "tiny")
	if n := len(tiny.of("google_workflows_workflow")) + len(tiny.of("google_project_iam_custom_role")); n > 0 {
		t.Errorf("a tiny shop has %d resources of exports", n)
	}
	t.Run("what is wrong is found", func(t *testing.T) {
		t.Parallel()
		if faults := exportFaults(t, tiny, "europe-west1"); len(faults) < 4 {
			t.Errorf("of a plan without exports: %q", faults)
		}
		if faults := exportFaults(t, own, "europe-west4"); len(faults) != 1 {
			t.Errorf("of the same region: %q", faults)
		}
	})
}

// exportFaults reports what a plan lacks of exports from a region.
func exportFaults(t *testing.T, p plan, region string) (faults []string) {
	t.Helper()
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	bucket := ""
	for _, b := range p.of("google_storage_bucket") {
		if !strings.HasPrefix(b.Address, "google_storage_bucket.exports") {
			continue
		}
		bucket = b.text("name")
		if location := b.text("location"); location == region || !strings.HasPrefix(location, "europe-") {
			fault("the bucket is in %s", location)
		}
		if b.text("lifecycle_rule", 0, "condition", 0, "age") != "30" || b.text("soft_delete_policy", 0, "retention_duration_seconds") != "0" {
			fault("exports are not stored for 30 days")
		}
		if retained, _ := number(b.at("retention_policy", 0, "retention_period")); retained != 30*24*3600 && p.of("google_sql_database_instance")[0].text("deletion_protection") == "true" {
			fault("exports can be deleted after %v s", retained)
		}
	}
	if bucket == "" {
		fault("there is no bucket")
	}
	exported := exportedDatabases(t, p, bucket)
	for _, service := range functions.Manifest().Services() {
		if n := exported["souk_"+service]; n != 1 {
			fault("souk_%s is exported by %d workflows", service, n)
		}
	}
	var permissions []any
	for _, role := range p.of("google_project_iam_custom_role") {
		permissions = append(permissions, role.valuesAt("permissions")...)
	}
	if !slices.Contains(permissions, any("cloudsql.instances.export")) || len(permissions) != 2 {
		fault("the role that exports has %v", permissions)
	}
	readers := p.of("google_storage_bucket_iam_binding")
	if len(readers) != 1 || readers[0].text("bucket") != bucket || readers[0].text("role") != "roles/storage.legacyObjectReader" || strings.Contains(readers[0].text("members"), "projectViewer") {
		fault("viewers of the project can read the exports")
	}
	return faults
}

// exportedDatabases counts, by database, the workflows that a schedule starts and that
// export it to a new file of the bucket.
func exportedDatabases(t *testing.T, p plan, bucket string) map[string]int {
	t.Helper()
	var started []string
	for _, job := range p.of("google_cloud_scheduler_job") {
		started = append(started, job.text("http_target", 0, "uri"))
	}
	exported := map[string]int{}
	for _, workflow := range p.of("google_workflows_workflow") {
		if !slices.ContainsFunc(started, func(uri string) bool {
			return strings.HasSuffix(uri, "/workflows/"+workflow.text("name")+"/executions")
		}) {
			continue
		}
		for _, export := range mustExports(t, workflow.text("source_contents")) {
			if export.Offload && export.FileType == "SQL" && strings.HasPrefix(export.URI, `${"gs://`+bucket+"/") && strings.Contains(export.URI, "sys.now()") {
				for _, database := range export.Databases {
					exported[database]++
				}
			}
		}
	}
	return exported
}

// exportContext is the same of the API:
// https://cloud.google.com/sql/docs/mysql/admin-api/rest/v1/instances/export
type exportContext struct {
	FileType  string
	URI       string
	Databases []string
	Offload   bool
}

// mustExports returns the exports of a workflow.
func mustExports(t *testing.T, source string) (exports []exportContext) {
	t.Helper()
	var workflow struct {
		Main struct {
			Steps []map[string]struct {
				Try struct {
					Call string
					Args struct{ Body map[string]any }
				}
				Retry struct{ Predicate string }
			}
		}
		Always map[string]any
	}
	if err := yaml.Unmarshal([]byte(source), &workflow); err != nil {
		t.Fatalf("%v:\n%s", err, source)
	}
	for _, step := range workflow.Main.Steps {
		for name, s := range step {
			if s.Try.Call != "googleapis.sqladmin.v1.instances.export" || s.Retry.Predicate != "${always}" || workflow.Always == nil {
				t.Fatalf("the step %s calls %q", name, s.Try.Call)
			}
			text, err := json.Marshal(s.Try.Args.Body["exportContext"])
			if err != nil {
				t.Fatal(err)
			}
			var export exportContext
			if err := json.Unmarshal(text, &export); err != nil {
				t.Fatal(err)
			}
			exports = append(exports, export)
		}
	}
	return exports
}

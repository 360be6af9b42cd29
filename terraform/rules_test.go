package terraform_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The stand-in for the provider knows its schema, not what Google accepts. These tests
// hold every value of a plan to what is documented of it: by the tables constraints, and by
// the enumerations and patterns of the APIs' discovery documents.

// constraint is what is documented of the values at a path of a resource's blocks, or of
// several values of a resource together.
type constraint struct {
	path   string // names joined by dots; "" for the whole resource
	source string // a page, or "API/VERSION Schema.field: words of its description"
	check  func(value any) string
	bad    any // a value that is refused
}

// resourceType lists the constraints of a type, and the schema that its values are sent as.
type resourceType struct {
	schema      string // "API/VERSION Schema", "" if none has the same names
	constraints []constraint
}

// TestConstraints holds every resource of every plan to the constraints of its type.
func TestConstraints(t *testing.T) {
	t.Parallel()
	types, documents := resourceTypes(), mustDocuments(t)
	met := map[string]bool{}
	for name, p := range mustPlans(t) {
		for _, r := range p.PlannedValues.RootModule.Resources {
			entry, listed := types[r.Type]
			if !listed && r.Mode == "managed" {
				t.Errorf("%s: %s has no constraints: add what is documented of %s to a table of terraform/rules_*_test.go", name, r.Address, r.Type)
			}
			for _, c := range entry.constraints {
				values := r.valuesAt(c.path)
				met[r.Type+" "+c.path] = met[r.Type+" "+c.path] || len(values) > 0
				for _, value := range values {
					if fault := c.check(value); fault != "" {
						t.Errorf("%s: %s.%s %s (%s)", name, r.Address, c.path, fault, c.source)
					}
				}
			}
			for _, fault := range documents.faults(entry.schema, r) {
				t.Errorf("%s: %s.%s", name, r.Address, fault)
			}
		}
	}
	for kind, entry := range types {
		for _, c := range entry.constraints {
			if !met[kind+" "+c.path] {
				t.Errorf("no plan has a value at %s.%s, whose constraint is never read", kind, c.path)
			}
		}
	}
}

// TestConstraintsRefuse has every constraint refuse its bad value, and finds the source in
// the discovery document where it names one.
func TestConstraintsRefuse(t *testing.T) {
	t.Parallel()
	documents := mustDocuments(t)
	for kind, entry := range resourceTypes() {
		for _, c := range entry.constraints {
			bad := c.bad
			if text, isJSON := bad.(values); isJSON {
				bad = nil
				if err := json.Unmarshal([]byte(text), &bad); err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
			}
			if c.check(bad) == "" {
				t.Errorf("%s.%s takes %v", kind, c.path, bad)
			}
			if fault := documents.sourceFault(c.source); fault != "" {
				t.Errorf("%s.%s: %s", kind, c.path, fault)
			}
		}
	}
}

// TestTables requires each type in one table: the constraints of another would not be read.
func TestTables(t *testing.T) {
	t.Parallel()
	listed := map[string]bool{}
	for _, table := range tables {
		for kind := range table {
			if listed[kind] {
				t.Errorf("two tables have constraints of %s", kind)
			}
			listed[kind] = true
		}
	}
}

// TestAccountIDs has the constraints refuse what the API refused: accounts of five letters.
func TestAccountIDs(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"check", "smoke", "Rollout", "1account", "account-", strings.Repeat("a", 31)} {
		refused := false
		for _, c := range resourceTypes()["google_service_account"].constraints {
			refused = refused || c.path == "account_id" && c.check(id) != ""
		}
		if !refused {
			t.Errorf("the account %q passes", id)
		}
	}
}

// mustPlans returns the plans of every example in env/, of prod with all that is optional,
// of dev with the pipeline that builds, and of the bucket of the state.
func mustPlans(t *testing.T) map[string]plan {
	t.Helper()
	files, err := filepath.Glob("env/*.tfvars.example")
	if err != nil || len(files) < 2 {
		t.Fatalf("the examples are %q: %v", files, err)
	}
	plans := map[string]plan{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".tfvars.example")
		plans[name] = mustPlanOf(t, name)
	}
	plans["everything"] = mustPlanOf(t, "prod", everything...)
	plans["pipeline"] = mustPlanOf(t, "dev", everything[0])
	plans["bootstrap"] = mustWorkspace(t, "bootstrap").mustPlan(t, "-var=project_id=souk-test", "-var=bucket=souk-test-terraform")
	return plans
}

// everything gives each variable that a resource or a block depends on.
var everything = []string{
	`-var=repository=projects/souk-test/locations/europe-west1/connections/host/repositories/souk`,
	`-var=admin_iap_members=["group:staff@example.com"]`,
	`-var=cors_origins=["https://www.example.com"]`,
	`-var=synthetic_order={customer_id="0199c0de-0000-7000-8000-000000000001",email="synthetic@example.com",product_id="0199c0de-0000-7000-8000-000000000002"}`,
	`-var=trace_sample_ratio=0.01`,
	`-var=budget={billing_account="000000-000000-000000",amount=500}`,
	`-var=key_rotation_start=2020-01-01T00:00:00Z`,
	`-var=migrate_password=` + givenPassword,
	`-var=pagerduty_service_key=0123456789abcdef0123456789abcdef`,
	`-var=alert_webhook=https://api.opsgenie.com/v1/json/googlestackdriver?apiKey=secret-key`,
	`-var=alert_topic=true`,
	`-var=promote_from={project_id="my-souk-dev"}`,
	`-var=binary_authorization=audit`,
	`-var=waf_enforced=["sqli-v33-stable"]`,
	`-var=alert_emails=["a@example.com","b@example.com","c@example.com","d@example.com","e@example.com","f@example.com"]`,
}

// values is a bad value that is written in JSON.
type values string

func matches(path, source, pattern, bad string) constraint {
	re := regexp.MustCompile(`^(?:` + pattern + `)$`)
	return constraint{path, source, func(v any) string {
		if text := fmt.Sprint(v); !re.MatchString(text) {
			return fmt.Sprintf("is %q, not %s", text, pattern)
		}
		return ""
	}, bad}
}

func length(path, source string, least, most int) constraint {
	return constraint{path, source, func(v any) string {
		if n := len(fmt.Sprint(v)); n < least || n > most {
			return fmt.Sprintf("has %d bytes, not %d to %d", n, least, most)
		}
		return ""
	}, strings.Repeat("x", most+1)}
}

func between(path, source string, least, most float64) constraint {
	return constraint{path, source, func(v any) string {
		if n, isNumber := number(v); !isNumber || n < least || n > most {
			return fmt.Sprintf("is %v, not %v to %v", v, least, most)
		}
		return ""
	}, most + 1}
}

// number reads a number, or the seconds of a duration such as "3600s".
func number(v any) (n float64, ok bool) {
	if n, ok = v.(float64); ok {
		return n, true
	}
	_, err := fmt.Sscanf(strings.TrimSuffix(fmt.Sprint(v), "s"), "%g", &n)
	return n, err == nil
}

func oneOf(path, source string, allowed ...any) constraint {
	return constraint{path, source, func(v any) string {
		if !slices.ContainsFunc(allowed, func(a any) bool { return cmp.Equal(a, v) }) {
			return fmt.Sprintf("is %v, none of %v", v, allowed)
		}
		return ""
	}, "no-such-value"}
}

// holds is a constraint on several values of a resource or a block.
func holds(path, source, bad string, check func(r resource) string) constraint {
	return constraint{path, source, func(v any) string {
		object, _ := v.(map[string]any)
		return check(resource{Values: object})
	}, values(bad)}
}

// exactlyOne is a constraint on fields of which one must be set, and one only.
func exactlyOne(path, source, bad string, names ...string) constraint {
	return holds(path, source, bad, func(r resource) string {
		var set []string
		for _, name := range names {
			switch v := r.Values[name].(type) {
			case nil:
			case []any:
				if len(v) > 0 {
					set = append(set, name)
				}
			default:
				if v != "" && v != false {
					set = append(set, name)
				}
			}
		}
		if len(set) != 1 {
			return fmt.Sprintf("sets %q, and one of %q must be set", set, names)
		}
		return ""
	})
}

var tables = []map[string]resourceType{runTypes, frontTypes, iamTypes, dataTypes, watchTypes, signTypes}

// resourceTypes merges the tables; a type is in one of them (TestTables).
func resourceTypes() map[string]resourceType {
	all := map[string]resourceType{}
	for _, table := range tables {
		maps.Copy(all, table)
	}
	return all
}

func mustReadJSON(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

package terraform_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// schema is one of an API's discovery document, which comes with Google's client for Go:
// https://developers.google.com/discovery/v1/reference/apis
type schema struct {
	Ref         string             `json:"$ref"`
	Type        string             `json:"type"`
	Enum        []string           `json:"enum"`
	Pattern     string             `json:"pattern"`
	Description string             `json:"description"`
	Properties  map[string]*schema `json:"properties"`
	Items       *schema            `json:"items"`
}

// documents are the schemas of APIs, by "API/VERSION".
type documents map[string]map[string]*schema

// mustDocuments reads the documents that the tables name.
func mustDocuments(t *testing.T) documents {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	read := documents{}
	add := func(api string) {
		if _, done := read[api]; done || api == "" || strings.Contains(api, "://") {
			return
		}
		var document struct{ Schemas map[string]*schema }
		name, _, _ := strings.Cut(api, "/")
		mustReadJSON(t, filepath.Join(strings.TrimSpace(string(dir)), api, name+"-api.json"), &document)
		read[api] = document.Schemas
	}
	for _, entry := range resourceTypes() {
		api, _, _ := strings.Cut(entry.schema, " ")
		add(api)
		for _, c := range entry.constraints {
			api, _, _ := strings.Cut(c.source, " ")
			add(api)
		}
	}
	return read
}

// sourceFault reports a source whose words the discovery document does not have.
func (d documents) sourceFault(source string) string {
	if strings.HasPrefix(source, "https://") {
		return ""
	}
	parts := regexp.MustCompile(`^(\S+) (\w+)\.(\w+): (.+)$`).FindStringSubmatch(source)
	if parts == nil {
		return fmt.Sprintf("%q names no page and no field", source)
	}
	var field *schema
	if s := d[parts[1]][parts[2]]; s != nil {
		field = s.Properties[parts[3]]
	}
	if field == nil || !strings.Contains(strings.Join(strings.Fields(field.Description), " "), parts[4]) {
		return fmt.Sprintf("%s has no %s.%s that says %q", parts[1], parts[2], parts[3], parts[4])
	}
	return ""
}

// faults reports the values of a resource that no enumeration or pattern of its schema has.
func (d documents) faults(of string, r resource) []string {
	api, name, _ := strings.Cut(of, " ")
	if of == "" {
		return nil
	}
	if d[api][name] == nil {
		return []string{fmt.Sprintf("type: there is no schema %s", of)}
	}
	return d.compare(api, d[api][name], "", r.Values)
}

func (d documents) compare(api string, s *schema, at string, value any) (faults []string) {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		return d.compare(api, d[api][s.Ref], at, value)
	}
	switch v := value.(type) {
	case map[string]any:
		for name, inner := range v {
			property := s.Properties[camelCase(name)]
			if property == nil { // a block "rule" is the list "rules"
				property = s.Properties[camelCase(name)+"s"]
			}
			faults = append(faults, d.compare(api, property, at+"."+name, inner)...)
		}
	case []any: // a list, or a block that the API has once
		items := s
		if s.Items != nil {
			items = s.Items
		}
		for _, inner := range v {
			faults = append(faults, d.compare(api, items, at, inner)...)
		}
	case string:
		if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
			faults = append(faults, fmt.Sprintf("%s: %q is none of %q (%s)", at, v, s.Enum, api))
		}
		// \p{...} and look-aheads are not Go's; no pattern that is used here has them.
		if re, err := regexp.Compile("^(?:" + s.Pattern + ")$"); s.Pattern != "" && err == nil && !re.MatchString(v) {
			faults = append(faults, fmt.Sprintf("%s: %q does not match %s (%s)", at, v, s.Pattern, api))
		}
	}
	return faults
}

func camelCase(name string) string {
	words := strings.Split(name, "_")
	for i, word := range words[1:] {
		if word != "" {
			words[i+1] = strings.ToUpper(word[:1]) + word[1:]
		}
	}
	return strings.Join(words, "")
}

// TestDiscovery has enumerations and patterns refuse what they do not have.
func TestDiscovery(t *testing.T) {
	t.Parallel()
	d := mustDocuments(t)
	for kind, broken := range map[string]map[string]any{
		"google_compute_backend_service":               {"load_balancing_scheme": "OUTSIDE"},
		"google_compute_url_map":                       {"name": "Capital"},
		"google_cloud_run_v2_service":                  {"template": []any{map[string]any{"vpc_access": []any{map[string]any{"egress": "SOME"}}}}},
		"google_monitoring_uptime_check_config":        {"selected_regions": []any{"MOON"}},
		"google_sql_database_instance":                 {"settings": []any{map[string]any{"edition": "FREE"}}},
		"google_artifact_registry_repository":          {"format": "PAPER"},
		"google_compute_security_policy":               {"rule": []any{map[string]any{"rate_limit_options": []any{map[string]any{"enforce_on_key": "MOOD"}}}}},
		"google_logging_metric":                        {"metric_descriptor": []any{map[string]any{"metric_kind": "SUM"}}},
		"google_monitoring_alert_policy":               {"severity": "FATAL"},
		"google_compute_global_forwarding_rule":        {"load_balancing_scheme": "OUTSIDE"},
		"google_compute_region_network_endpoint_group": {"network_endpoint_type": "CLOUD"},
	} {
		if faults := d.faults(resourceTypes()[kind].schema, resource{Values: broken}); len(faults) == 0 {
			t.Errorf("%s: nothing is found in %v", kind, broken)
		}
	}
}

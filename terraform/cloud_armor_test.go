package terraform_test

import (
	"regexp"
	"slices"
	"testing"

	"go.yaml.in/yaml/v3"
)

// freeText returns the members of request bodies in openapi.yaml that any text may be in:
// strings without a format, an enumeration or a pattern.
func freeText(t *testing.T) (names []string) {
	t.Helper()
	var document map[string]any
	if err := yaml.Unmarshal([]byte(mustRead(t, "../functions/openapi.yaml")), &document); err != nil {
		t.Fatal(err)
	}
	components, _ := document["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	seen := map[string]bool{}
	var walk func(v any, inBody bool)
	walk = func(v any, inBody bool) {
		switch v := v.(type) {
		case []any:
			for _, inner := range v {
				walk(inner, inBody)
			}
		case map[string]any:
			if ref, _ := v["$ref"].(string); inBody && ref != "" && !seen[ref] {
				seen[ref] = true
				walk(schemas[regexp.MustCompile(`[^/]+$`).FindString(ref)], true)
			}
			properties, _ := v["properties"].(map[string]any)
			for name, property := range properties {
				if p, _ := property.(map[string]any); inBody && isText(p) {
					names = append(names, name)
				}
			}
			for name, inner := range v {
				walk(inner, inBody || name == "requestBody")
			}
		}
	}
	walk(document["paths"], false)
	slices.Sort(names)
	return slices.Compact(names)
}

func isText(property map[string]any) bool {
	kinds, _ := property["type"].([]any)
	if property["type"] != "string" && !slices.Contains(kinds, any("string")) {
		return false
	}
	return property["enum"] == nil && property["pattern"] == nil && (property["format"] == nil || property["format"] == "password")
}

// TestFirewall requires of Cloud Armor's signatures that each set is in preview unless a
// variable names it, and that the free text of requests is left out.
func TestFirewall(t *testing.T) {
	t.Parallel()
	text := freeText(t)
	if len(text) < 8 || !slices.Contains(text, "password") {
		t.Fatalf("the free text of requests is %q", text)
	}
	for name, p := range map[string]plan{"prod": mustPlanOf(t, "prod"), "everything": mustPlanOf(t, "prod", everything...)} {
		policy, sets := p.of("google_compute_security_policy")[0], 0
		for _, rule := range policy.blocks("rule") {
			set := all(`evaluatePreconfiguredWaf\('([^']*)'`, rule.text("match", 0, "expr", 0, "expression"))
			if len(set) == 0 {
				continue
			}
			sets++
			enforced := name == "everything" && set[0] == "sqli-v33-stable"
			if preview := rule.text("preview") == "true"; preview == enforced {
				t.Errorf("%s: %s is in preview: %v", name, set[0], preview)
			}
			excluded := rule.valuesAt("preconfigured_waf_config.exclusion.request_query_param.value")
			if !slices.Contains([]string{"sqli-v33-stable", "xss-v33-stable"}, set[0]) {
				continue
			}
			for _, member := range append(slices.Clone(text), "q") {
				if !slices.Contains(excluded, any(member)) {
					t.Errorf("%s: %s reads %q, which holds free text: add it to free_text in cloud_armor.tf", name, set[0], member)
				}
			}
			if len(excluded) != len(text)+1 {
				t.Errorf("%s: %s leaves out %q, and no more than %q is free text", name, set[0], excluded, text)
			}
		}
		if sets < 9 {
			t.Errorf("%s: there are %d sets", name, sets)
		}
	}
}

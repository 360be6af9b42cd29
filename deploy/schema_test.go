package deploy_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// schema is one of an API's discovery document: https://developers.google.com/discovery/v1/reference/apis
type schema struct {
	Ref                  string             `json:"$ref"`
	Type                 string             `json:"type"`
	Format               string             `json:"format"`
	Enum                 []string           `json:"enum"`
	Properties           map[string]*schema `json:"properties"`
	Items                *schema            `json:"items"`
	AdditionalProperties *schema            `json:"additionalProperties"`
	ReadOnly             bool               `json:"readOnly"`
}

// mustSchemas reads those of the Cloud Build API, which come with Google's client for
// Go. A cloudbuild.yaml is a Build: https://cloud.google.com/build/docs/build-config-file-schema
func mustSchemas(t *testing.T) map[string]*schema {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "cloudbuild", "v1", "cloudbuild-api.json"))
	if err != nil {
		t.Fatal(err)
	}
	var document struct{ Schemas map[string]*schema }
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document.Schemas
}

// check returns what is wrong with a value.
func check(schemas map[string]*schema, s *schema, at string, value any) (faults []string) {
	if s.Ref != "" {
		return check(schemas, schemas[s.Ref], at, value)
	}
	wrong := func(format string, args ...any) { faults = append(faults, at+": "+fmt.Sprintf(format, args...)) }
	switch v := value.(type) {
	case map[string]any:
		if s.Type != "object" {
			wrong("is an object, not %s", s.Type)
		}
		for name, inner := range v {
			property := s.Properties[name]
			if property == nil {
				property = s.AdditionalProperties
			}
			if property == nil || property.ReadOnly {
				wrong("has no field %q", name)
				continue
			}
			faults = append(faults, check(schemas, property, at+"."+name, inner)...)
		}
	case []any:
		if s.Type != "array" {
			wrong("is a list, not %s", s.Type)
			break
		}
		for i, inner := range v {
			faults = append(faults, check(schemas, s.Items, fmt.Sprintf("%s[%d]", at, i), inner)...)
		}
	case string:
		switch {
		case s.Type != "string":
			wrong("is text, not %s", s.Type)
		case s.Format == "google-duration" && !regexp.MustCompile(`^[0-9]+(\.[0-9]+)?s$`).MatchString(v):
			wrong("%q is no duration", v)
		case len(s.Enum) > 0 && !slices.Contains(s.Enum, v):
			wrong("%q is none of %q", v, s.Enum)
		}
	case bool:
		if s.Type != "boolean" {
			wrong("is true or false, not %s", s.Type)
		}
	default:
		wrong("is %T, not %s", value, s.Type)
	}
	return faults
}

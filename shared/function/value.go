package function

import (
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
)

// CheckValue checks a JSON value, as strictjson.Parse returns it, by the rules for the body
// of a request. It is for operations that read their body themselves. It returns the value
// with normalized text, and the first error of each location, sorted by location. Locations
// are paths within the value, empty for the value itself.
func CheckValue(schemas huma.Registry, schema *huma.Schema, value any) (any, []api.FieldError) {
	n := normalizer{schemas: schemas}
	value = n.value(schema, value, "")
	var result huma.ValidateResult
	huma.Validate(schemas, schema, huma.NewPathBuffer(make([]byte, 0, 128), 0), huma.ModeWriteToServer, value, &result)
	errs := n.errs
	for _, err := range result.Errors {
		errs = append(errs, fieldError(nil, err))
	}
	for i := range errs {
		errs[i].Location = strings.TrimPrefix(errs[i].Location, ".")
	}
	slices.SortStableFunc(errs, func(a, b api.FieldError) int { return strings.Compare(a.Location, b.Location) })
	return value, slices.CompactFunc(errs, func(a, b api.FieldError) bool { return a.Location == b.Location })
}

package functions_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// field is one field of an example's body, at any depth.
type field struct {
	path     []any // names and indexes
	place    string
	value    any
	optional bool
}

// listFields returns the fields of an example's body, outer ones first.
func listFields(value any, path []any, place string) (fields []field) {
	switch v := value.(type) {
	case object:
		for name, inner := range v {
			plain, optional := strings.CutSuffix(name, "?")
			at := field{append(slices.Clone(path), plain), place + "." + plain, inner, optional}
			fields = append(append(fields, at), listFields(inner, at.path, at.place)...)
		}
	case []any:
		for i, inner := range v {
			at := field{append(slices.Clone(path), i), fmt.Sprintf("%s[%d]", place, i), inner, true}
			fields = append(append(fields, at), listFields(inner, at.path, at.place)...)
		}
	}
	return fields
}

// changed returns the body as JSON with another value at a path, or without the field
// if no value is given.
func changed(t testing.TB, body object, path []any, value ...any) string {
	t.Helper()
	document := expand(body, true)
	at := document
	for _, step := range path[:len(path)-1] {
		switch s := step.(type) {
		case string:
			at = at.(object)[s]
		case int:
			at = at.([]any)[s]
		}
	}
	switch last := path[len(path)-1].(type) {
	case string:
		delete(at.(object), last)
		if len(value) > 0 {
			at.(object)[last] = value[0]
		}
	case int:
		at.([]any)[last] = value[0]
	}
	return mustJSON(t, document)
}

// wrongType returns a value of another type than the example's value.
func wrongType(value any) any {
	switch value.(type) {
	case object, []any:
		return canary
	default:
		return []any{canary}
	}
}

// tooLarge returns a value of the example's type that exceeds every bound, or nil if the
// type has none.
func tooLarge(value any) any {
	switch value.(type) {
	case string:
		return strings.Repeat(canary, 850) // beyond every maxLength, within every maxBody
	case int:
		return 1e300
	case []any:
		return slices.Repeat([]any{canary}, 900)
	}
	return nil
}

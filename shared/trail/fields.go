package trail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Bounds of what an entry has of a resource: with the longest values it is shorter than TEXT.
const (
	maxFields    = 50
	maxFieldName = 100 // bytes
	maxValue     = 500 // bytes of JSON
)

// Fields are the fields of a resource that an entry may have: what is not in it is not recorded. A
// value that is an object in JSON is compared by its members.
//
// In place of Fields, Change accepts a struct. Its fields with the tag trail:"value" are
// recorded, and those with trail:"personal" like those of Personal. Fields without a tag are not.
type Fields map[string]any

// personal is a value of which an entry has only that it has changed.
type personal struct{ value any }

// Personal marks a value of Fields that is personal, or may be: an entry has only that it has
// changed.
func Personal(value any) any { return personal{value} }

// Omission is the reason why a field's values are not in an entry.
type Omission string

// The reasons.
const (
	OmittedPersonal Omission = "personal"
	OmittedTooLong  Omission = "too_long"
	// OmittedTooMany is of the last field of an entry that has not all that have changed.
	OmittedTooMany Omission = "too_many"
)

// FieldChange is a change of a field.
type FieldChange struct {
	Field   string   `json:"field" doc:"The name of the field. A point separates the names of an object and of its member." example:"price.amount"`
	Before  any      `json:"before,omitempty" doc:"The value before the change, of any type. It is absent if there was none." example:"1299"`
	After   any      `json:"after,omitempty" doc:"The value after the change, of any type. It is absent if there is none." example:"1399"`
	Omitted Omission `json:"omitted,omitempty" enum:"personal,too_long,too_many" doc:"Why the values are absent: they are or may be personal, or are too long. too_many: further fields have changed."`
}

// field is a value of a resource, in JSON. It is nil for none: null and empty texts, lists and objects.
type field struct {
	value    json.RawMessage
	personal bool
}

// compare returns the fields that differ, by name.
func compare(before, after any) ([]FieldChange, error) {
	old, err := flatten(before)
	if err != nil {
		return nil, err
	}
	current, err := flatten(after)
	if err != nil {
		return nil, err
	}
	names := map[string]struct{}{}
	for name := range old {
		names[name] = struct{}{}
	}
	for name := range current {
		names[name] = struct{}{}
	}
	var changes []FieldChange
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if bytes.Equal(old[name].value, current[name].value) {
			continue
		}
		if len(changes) == maxFields {
			return append(changes, FieldChange{Field: "…", Omitted: OmittedTooMany}), nil
		}
		changes = append(changes, newFieldChange(name, old[name], current[name]))
	}
	return changes, nil
}

func newFieldChange(name string, before, after field) FieldChange {
	change := FieldChange{Field: strings.ToValidUTF8(name[:min(len(name), maxFieldName)], "")}
	switch {
	case before.personal || after.personal:
		change.Omitted = OmittedPersonal
	case len(before.value) > maxValue || len(after.value) > maxValue:
		change.Omitted = OmittedTooLong
	default:
		change.Before, change.After = optional(before.value), optional(after.value)
	}
	return change
}

// optional returns a value as it is encoded, and nil for none.
func optional(value json.RawMessage) any {
	if value == nil {
		return nil
	}
	return value
}

// encodeFields returns changes as they are stored.
func encodeFields(changes []FieldChange) ([]byte, error) {
	if len(changes) == 0 {
		return []byte("[]"), nil
	}
	return json.Marshal(changes)
}

// decodeFields returns stored changes. Numbers remain as they are: a float64 does not have all
// digits of an int64.
func decodeFields(text []byte) ([]FieldChange, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	changes := []FieldChange{}
	err := decoder.Decode(&changes)
	return changes, err
}

// flatten returns the fields of a resource, with those of objects.
func flatten(resource any) (map[string]field, error) {
	fields, err := allowed(resource)
	if err != nil {
		return nil, err
	}
	flat := map[string]field{}
	for name, value := range fields {
		hidden, isPersonal := value.(personal)
		if isPersonal {
			value = hidden.value
		}
		text, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("encode the field %s: %w", name, err)
		}
		if isPersonal {
			add(flat, name, field{text, true})
		} else if err := addValue(flat, name, text); err != nil {
			return nil, err
		}
	}
	return flat, nil
}

// addValue adds a value, or the members of an object.
func addValue(flat map[string]field, name string, text json.RawMessage) error {
	if text[0] != '{' {
		add(flat, name, field{value: text})
		return nil
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &members); err != nil {
		return fmt.Errorf("decode the field %s: %w", name, err)
	}
	for member, value := range members {
		if err := addValue(flat, name+"."+member, value); err != nil {
			return err
		}
	}
	return nil
}

func add(flat map[string]field, name string, f field) {
	switch string(f.value) {
	case `null`, `""`, `[]`, `{}`:
	default:
		flat[name] = f
	}
}

// allowed returns the fields of a resource that may be recorded.
func allowed(resource any) (Fields, error) {
	if fields, ok := resource.(Fields); ok || resource == nil {
		return fields, nil
	}
	value := reflect.Indirect(reflect.ValueOf(resource))
	if value.Kind() != reflect.Struct {
		return nil, fmt.Errorf("a %T is neither Fields nor a struct", resource)
	}
	fields := Fields{}
	addTagged(fields, value)
	if len(fields) == 0 {
		return nil, fmt.Errorf("no field of %T has a tag trail", resource)
	}
	return fields, nil
}

// addTagged adds the fields of a struct that have a tag, and those of embedded structs.
func addTagged(fields Fields, value reflect.Value) {
	for i := range value.NumField() {
		f := value.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "" && f.Type.Kind() == reflect.Struct:
			addTagged(fields, value.Field(i))
		case !f.IsExported():
		case f.Tag.Get("trail") == "value":
			fields[name] = value.Field(i).Interface()
		case f.Tag.Get("trail") == "personal":
			fields[name] = Personal(value.Field(i).Interface())
		}
	}
}

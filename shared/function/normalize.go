package function

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
)

// normalizer normalizes a JSON value by the schema of its operation:
//
//   - text follows its rule (see checkText);
//   - null is allowed only where the schema has nullable:"true". There it is the empty
//     text or the empty list, so that a PATCH clears the field (RFC 7396); for other
//     types it remains null, for their own decoder.
//
// Types, lengths and unknown members are checked by huma's validation.
type normalizer struct {
	schemas huma.Registry
	errs    []api.FieldError
}

func (n *normalizer) value(schema *huma.Schema, value any, location string) any {
	schema = n.resolve(schema)
	if value == nil {
		return n.null(schema, location)
	}
	alternative := n.alternative(schema, value)
	if alternative == nil {
		return value // of a type that is not expected here
	}
	value = n.typed(alternative, value, location)
	if alternative != schema {
		n.validate(alternative, value, location)
	}
	return value
}

// typed normalizes a value of the type of a schema.
func (n *normalizer) typed(schema *huma.Schema, value any, location string) any {
	switch v := value.(type) {
	case string:
		checked, err := checkText(schema, v)
		if err != nil {
			n.errs = append(n.errs, *textError(location, err))
			return v
		}
		return checked
	case json.Number:
		return n.number(schema, v, location)
	case []any:
		for i := range v {
			if schema.Type == huma.TypeArray && schema.Items != nil {
				v[i] = n.value(schema.Items, v[i], location+"["+strconv.Itoa(i)+"]")
			}
		}
	case map[string]any:
		n.object(schema, v, location)
	}
	return value
}

// validate adds the errors of an alternative. For alternatives, huma reports only that none
// matches.
func (n *normalizer) validate(schema *huma.Schema, value any, location string) {
	var result huma.ValidateResult
	path := huma.NewPathBuffer([]byte(location), len(location))
	huma.Validate(n.schemas, schema, path, huma.ModeWriteToServer, value, &result)
	for _, err := range result.Errors {
		n.errs = append(n.errs, fieldError(nil, err))
	}
}

func (n *normalizer) object(schema *huma.Schema, object map[string]any, location string) {
	additional, _ := schema.AdditionalProperties.(*huma.Schema)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		member := schema.Properties[name]
		if member == nil {
			member = additional
		}
		if member != nil {
			object[name] = n.value(member, object[name], location+"."+name)
		}
	}
}

func (n *normalizer) null(schema *huma.Schema, location string) any {
	switch {
	case !n.isNullable(schema):
		n.errs = append(n.errs, api.FieldError{Location: location, Code: api.FieldNull, Message: "must not be null"})
		return nil
	case schema.Type == huma.TypeString:
		return ""
	case schema.Type == huma.TypeArray:
		return []any{}
	}
	return nil
}

// number refuses integers that the operation cannot decode.
func (n *normalizer) number(schema *huma.Schema, number json.Number, location string) any {
	if schema.Type != huma.TypeInteger || strings.ContainsAny(number.String(), ".eE") {
		return number
	}
	bits := 64
	if schema.Format == "int32" {
		bits = 32
	}
	if _, err := strconv.ParseInt(number.String(), 10, bits); err != nil {
		n.errs = append(n.errs, api.FieldError{Location: location, Code: api.FieldRange, Message: "is a number that is too large or too small"})
		return json.Number("0")
	}
	return number
}

// isNullable reports whether the schema or one of its alternatives allows null.
func (n *normalizer) isNullable(schema *huma.Schema) bool {
	return schema.Nullable || slices.ContainsFunc(slices.Concat(schema.OneOf, schema.AnyOf), func(alternative *huma.Schema) bool {
		return n.isNullable(n.resolve(alternative))
	})
}

func (n *normalizer) resolve(schema *huma.Schema) *huma.Schema {
	for schema.Ref != "" {
		schema = n.schemas.SchemaFromRef(schema.Ref)
	}
	return schema
}

// alternative returns the alternative of a schema that matches the type of the value, nil if
// none does, and the schema itself if it has no alternatives.
func (n *normalizer) alternative(schema *huma.Schema, value any) *huma.Schema {
	alternatives := slices.Concat(schema.OneOf, schema.AnyOf)
	if len(alternatives) == 0 {
		return schema
	}
	for _, a := range alternatives {
		if a = n.resolve(a); matches(a, value) {
			return a
		}
	}
	return nil
}

// matches reports whether a value is of the type of a schema.
func matches(schema *huma.Schema, value any) bool {
	switch value.(type) {
	case string:
		return schema.Type == huma.TypeString
	case json.Number:
		return schema.Type == huma.TypeInteger || schema.Type == huma.TypeNumber
	case bool:
		return schema.Type == huma.TypeBoolean
	case []any:
		return schema.Type == huma.TypeArray
	default:
		return schema.Type == huma.TypeObject
	}
}

// Package strictjson parses the JSON of requests. It accepts JSON that all parsers interpret
// in the same way (I-JSON, RFC 7493). It refuses duplicate names, names in the wrong letter case,
// bytes that are not UTF-8, unpaired surrogates, and data after the value. It bounds depth
// and size before the value is validated.
package strictjson

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"souk/shared/api"
)

// Bounds of a value. The largest request of the shop has about 300 elements.
const (
	// MaxDepth is the maximum nesting of arrays and objects.
	MaxDepth = 32
	// MaxValues is the maximum number of elements and members at all depths. Each of
	// them can become an error of the response.
	MaxValues = 1000
)

// Parse returns the value of data: nil, bool, string, json.Number, []any or
// map[string]any. An integral number has neither fraction nor exponent: 1000.0 is
// 1000 (JSON Schema 2020-12, section 6.1.1). The error is an api.FieldError; root is
// the location of the value itself, such as "body".
func Parse(data []byte, root string) (any, error) {
	p := parser{decoder: jsontext.NewDecoder(bytes.NewReader(data))}
	value, err := p.value(root)
	if err == nil {
		if _, err = p.decoder.ReadToken(); errors.Is(err, io.EOF) {
			return value, nil
		}
		p.location = root
	}
	if problem := (api.FieldError{}); errors.As(err, &problem) {
		return nil, problem
	}
	return nil, p.syntaxError(data, err)
}

// Unmarshal parses data like Parse and decodes it into target. It refuses members that
// target does not have, including names in the wrong letter case. The error is an
// api.FieldError.
func Unmarshal(data []byte, root string, target any) error {
	value, err := Parse(data, root)
	if err != nil {
		return err
	}
	canonical, err := stdjson.Marshal(value)
	if err != nil {
		return fmt.Errorf("encode the parsed %s: %w", root, err)
	}
	err = json.Unmarshal(canonical, target, json.RejectUnknownMembers(true))
	semantic, ok := errors.AsType[*json.SemanticError](err)
	if !ok {
		return err
	}
	location := locate(value, semantic.JSONPointer, root)
	switch {
	case errors.Is(err, json.ErrUnknownName):
		return api.FieldError{Location: location, Code: api.FieldUnknown, Message: "unknown field"}
	case errors.Is(err, strconv.ErrRange):
		return api.FieldError{Location: location, Code: api.FieldRange, Message: "is a number that is too large or too small"}
	default:
		return api.FieldError{Location: location, Code: api.FieldType, Message: "has the wrong type"}
	}
}

type parser struct {
	decoder  *jsontext.Decoder
	location string // of the value that is read
	values   int
}

func (p *parser) value(location string) (any, error) {
	p.location = location
	if p.decoder.StackDepth() > MaxDepth {
		return nil, api.FieldError{Location: location, Code: api.FieldSyntax, Message: fmt.Sprintf("must be nested at most %d levels deep", MaxDepth)}
	}
	token, err := p.decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		return p.object(location)
	case '[':
		return p.array(location)
	case '0':
		return number(token.String(), location)
	case '"':
		return token.String(), nil
	case 'n':
		return nil, nil
	default:
		return token.Bool(), nil
	}
}

func (p *parser) object(location string) (any, error) {
	object := map[string]any{}
	for p.decoder.PeekKind() != '}' {
		p.location = location
		if err := p.count(location); err != nil {
			return nil, err
		}
		token, err := p.decoder.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		if object[name], err = p.value(location + "." + name); err != nil {
			return nil, err
		}
	}
	_, err := p.decoder.ReadToken()
	return object, err
}

func (p *parser) array(location string) (any, error) {
	array := []any{}
	for p.decoder.PeekKind() != ']' {
		p.location = location
		if err := p.count(location); err != nil {
			return nil, err
		}
		element, err := p.value(fmt.Sprintf("%s[%d]", location, len(array)))
		if err != nil {
			return nil, err
		}
		array = append(array, element)
	}
	_, err := p.decoder.ReadToken()
	return array, err
}

// count counts an element or member of the value at location.
func (p *parser) count(location string) error {
	if p.values++; p.values > MaxValues {
		return api.FieldError{Location: location, Code: api.FieldTooMany, Message: fmt.Sprintf("must have at most %d elements and members in total", MaxValues)}
	}
	return nil
}

// maxExact is the largest integer that float64 and all smaller ones represent.
const maxExact = 1 << 53

func number(literal, location string) (any, error) {
	float, err := strconv.ParseFloat(literal, 64)
	if err != nil {
		return nil, api.FieldError{Location: location, Code: api.FieldRange, Message: "is a number that is too large or too small"}
	}
	if strings.ContainsAny(literal, ".eE") && float == math.Trunc(float) && math.Abs(float) <= maxExact {
		return stdjson.Number(strconv.FormatInt(int64(float), 10)), nil
	}
	return stdjson.Number(literal), nil
}

// syntaxError returns the error of data that is not strict JSON.
func (p *parser) syntaxError(data []byte, err error) api.FieldError {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok && errors.Is(err, jsontext.ErrDuplicateName) {
		return api.FieldError{
			Location: p.location + "." + syntactic.JSONPointer.LastToken(), Code: api.FieldDuplicate, Message: "the name is used more than once",
		}
	}
	// Data that is valid except for its characters was refused because of them.
	if jsontext.Value(data).IsValid(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) {
		return api.FieldError{
			Location: p.location, Code: api.FieldEncoding, Message: "must be UTF-8 text, with both halves of every surrogate pair",
		}
	}
	return api.FieldError{Location: p.location, Code: api.FieldSyntax, Message: "is not valid JSON"}
}

// locate returns the location of the value that pointer refers to.
func locate(value any, pointer jsontext.Pointer, location string) string {
	for token := range pointer.Tokens() {
		switch v := value.(type) {
		case []any:
			location += "[" + token + "]"
			if i, err := strconv.Atoi(token); err == nil && i < len(v) {
				value = v[i]
			}
		case map[string]any:
			location += "." + token
			value = v[token]
		}
	}
	return location
}

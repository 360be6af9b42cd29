// Package strictyaml decodes YAML without guessing: unknown fields, further documents, and
// fractions where integers are meant are errors.
package strictyaml

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Unmarshal decodes the only document of a text. An empty text changes nothing.
func Unmarshal(text []byte, into any) error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return errors.New("more than one document: remove what follows the second ---")
	}
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	return checkIntegers(&document, reflect.TypeOf(into))
}

// checkIntegers returns an error for a number with a fraction that is decoded into an integer:
// the decoder would truncate it.
func checkIntegers(node *yaml.Node, t reflect.Type) error {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var errs []error
	switch node.Kind {
	case yaml.DocumentNode:
		errs = append(errs, checkIntegers(node.Content[0], t))
	case yaml.AliasNode:
		errs = append(errs, checkIntegers(node.Alias, t))
	case yaml.SequenceNode:
		for _, element := range node.Content {
			if t.Kind() == reflect.Slice || t.Kind() == reflect.Array {
				errs = append(errs, checkIntegers(element, t.Elem()))
			}
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			if member, ok := memberType(t, node.Content[i].Value); ok {
				errs = append(errs, checkIntegers(node.Content[i+1], member))
			}
		}
	case yaml.ScalarNode:
		if node.Tag == "!!float" && reflect.Int <= t.Kind() && t.Kind() <= reflect.Uint64 {
			errs = append(errs, fmt.Errorf("line %d: %s is not an integer", node.Line, node.Value))
		}
	}
	return errors.Join(errs...)
}

// memberType returns the type of a member of a mapping.
func memberType(t reflect.Type, key string) (reflect.Type, bool) {
	switch t.Kind() {
	case reflect.Map:
		return t.Elem(), true
	case reflect.Struct:
		for field := range t.Fields() {
			if name, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); name == key {
				return field.Type, true
			}
		}
	}
	return nil, false
}

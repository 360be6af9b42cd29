// Package config reads typed settings from environment variables.
package config

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Environment is a set of environment variables, by name.
type Environment map[string]string

// FromPairs returns an Environment of "NAME=value" pairs, as os.Environ returns them.
func FromPairs(pairs []string) Environment { return env.ToMap(pairs) }

// Load fills a T by its `env` tags. Its error names every invalid variable and quotes no
// value, because it may be a secret.
func Load[T any](environment Environment) (T, error) {
	settings, err := env.ParseAsWithOptions[T](env.Options{Environment: environment})
	if err == nil {
		return settings, nil
	}
	var aggregate env.AggregateError
	if !errors.As(err, &aggregate) {
		return settings, fmt.Errorf("read the environment: %w", err)
	}
	texts := make([]string, 0, len(aggregate.Errors))
	for _, err := range aggregate.Errors {
		texts = append(texts, withoutValue(reflect.TypeFor[T](), err))
	}
	return settings, fmt.Errorf("environment: %s", strings.Join(texts, "; "))
}

// withoutValue describes an error by the variable's name: the parser's text quotes the
// value and names the field instead of the variable.
func withoutValue(settings reflect.Type, err error) string {
	if parse, ok := errors.AsType[env.ParseError](err); ok {
		return fmt.Sprintf("%s is not a valid %s", strings.Join(variables(settings, parse), " or "), parse.Type)
	}
	return err.Error()
}

// variables returns the names of the variables for the field of an error: more than one if
// several structs have a field of that name and type.
func variables(settings reflect.Type, err env.ParseError) []string {
	var names []string
	for field := range settings.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		switch {
		case name != "" && field.Name == err.Name && field.Type == err.Type:
			names = append(names, name)
		case name == "" && field.Type.Kind() == reflect.Struct:
			names = append(names, variables(field.Type, err)...)
		}
	}
	return names
}

// Secret is a setting that cannot be printed, logged or marshalled by accident. It contains
// a pointer: code that bypasses its methods, such as fmt for an unexported field or a wrong
// verb, prints an address.
type Secret struct{ value *string }

// NewSecret returns a new Secret with a value.
func NewSecret(value string) Secret { return Secret{&value} }

const masked = "(secret)"

// Reveal returns the value. Call it only where the value is used.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// UnmarshalText sets the value. Load calls it.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// String returns a mask.
func (s Secret) String() string { return masked }

// Format writes a mask, so that fmt does not print the address.
func (s Secret) Format(state fmt.State, _ rune) {
	// fmt ignores errors of State.Write.
	_, _ = io.WriteString(state, masked)
}

// LogValue returns a mask for slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText returns a mask for encoding/json and other encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

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

// FromPairs makes an Environment of "NAME=value" pairs, as os.Environ gives them.
func FromPairs(pairs []string) Environment { return env.ToMap(pairs) }

// Load fills a T by its `env` tags. Its error names every faulty variable at
// once, and shows no value: one of them may be a secret.
func Load[T any](environment Environment) (T, error) {
	settings, err := env.ParseAsWithOptions[T](env.Options{Environment: environment})
	if err == nil {
		return settings, nil
	}
	var all env.AggregateError
	if !errors.As(err, &all) {
		return settings, fmt.Errorf("read the environment: %w", err)
	}
	faults := make([]string, 0, len(all.Errors))
	for _, fault := range all.Errors {
		faults = append(faults, withoutValue(reflect.TypeFor[T](), fault))
	}
	return settings, fmt.Errorf("environment: %s", strings.Join(faults, "; "))
}

// withoutValue describes a fault by the variable's name alone: the parser's own
// text quotes the value, and names the field instead of the variable.
func withoutValue(settings reflect.Type, fault error) string {
	if parse, ok := errors.AsType[env.ParseError](fault); ok {
		return fmt.Sprintf("%s is not a valid %s", strings.Join(variables(settings, parse), " or "), parse.Type)
	}
	return fault.Error()
}

// variables returns the names of the variables that fill the field of a fault:
// more than one when several structs have a field of that name and type.
func variables(settings reflect.Type, fault env.ParseError) []string {
	var names []string
	for field := range settings.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		switch {
		case name != "" && field.Name == fault.Name && field.Type == fault.Type:
			names = append(names, name)
		case name == "" && field.Type.Kind() == reflect.Struct:
			names = append(names, variables(field.Type, fault)...)
		}
	}
	return names
}

// Secret is a setting that cannot be printed, logged or marshalled by accident.
// It holds a pointer, so that what passes its methods by, such as fmt when the
// Secret is an unexported field or the verb a wrong one, finds an address.
type Secret struct{ value *string }

// NewSecret returns a secret of that value.
func NewSecret(value string) Secret { return Secret{&value} }

const masked = "(secret)"

// Reveal returns the value. Call it where the value is used and nowhere else.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// UnmarshalText sets the value: this is how Load fills a Secret.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}

// String hides the value from whatever asks for text.
func (s Secret) String() string { return masked }

// Format hides even the address from fmt.
func (s Secret) Format(state fmt.State, _ rune) {
	// fmt.State's Write never fails in a way fmt's callers could see.
	_, _ = io.WriteString(state, masked)
}

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText hides the value from encoding/json and its like.
func (s Secret) MarshalText() ([]byte, error) { return []byte(masked), nil }

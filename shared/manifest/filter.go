package manifest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Filter selects messages by their attributes: each must have the given value. An empty filter
// selects all.
type Filter map[string]string

// maxFilter is Pub/Sub's limit for the length of a filter:
// https://cloud.google.com/pubsub/docs/subscription-message-filter
const maxFilter = 256

// The names and values need no quoting in Pub/Sub's syntax, and the names are none of those
// that Pub/Sub reserves, goog….
var (
	filterName  = regexp.MustCompile(`^[a-z][a-zA-Z0-9_]*$`)
	filterValue = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)
)

// String returns the filter in Pub/Sub's syntax, with the names in order.
func (f Filter) String() string {
	terms := make([]string, 0, len(f))
	for _, name := range slices.Sorted(maps.Keys(f)) {
		terms = append(terms, fmt.Sprintf("attributes.%s = %q", name, f[name]))
	}
	return strings.Join(terms, " AND ")
}

// Accepts reports whether the filter selects a message with these attributes.
func (f Filter) Accepts(attributes map[string]string) bool {
	for name, value := range f {
		if got, ok := attributes[name]; !ok || got != value {
			return false
		}
	}
	return true
}

func (f Function) checkFilter() []error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{f.Name}, args...)...))
	}
	if len(f.Filter) > 0 && len(f.Events) == 0 {
		fail("filter is for functions that events trigger")
	}
	for name, value := range f.Filter {
		if !filterName.MatchString(name) || strings.HasPrefix(name, "goog") || !filterValue.MatchString(value) {
			fail("filter %s: %q: need the name of an attribute and its value, of letters and digits", name, value)
		}
	}
	if n := len(f.Filter.String()); n > maxFilter {
		fail("filter of %d bytes: Pub/Sub accepts %d", n, maxFilter)
	}
	return errs
}

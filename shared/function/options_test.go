package function

import (
	"slices"
	"testing"

	"souk/shared/manifest/manifestfile"
)

// TestOptionsPublishes checks that a process may publish what its functions publish, and
// nothing else.
func TestOptionsPublishes(t *testing.T) {
	t.Parallel()
	m, err := manifestfile.Parse([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		options Options
		want    []string
	}{
		"all functions of the service publish their topics": {Options{Manifest: m, Service: "thing"}, []string{"thing-made"}},
		"the target publishes its topics":                   {Options{Manifest: m, Service: "thing", Target: "thing-get"}, []string{"thing-made"}},
		"another target publishes nothing":                  {Options{Manifest: m, Service: "thing", Target: "thing-keep"}, nil},
		"another service publishes nothing":                 {Options{Manifest: m, Service: "other"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.options.publishes(); !slices.Equal(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

package main

import (
	"fmt"
	"strings"
	"testing"
)

const config = `{"config": {"protocol_version": "v1.0.0", "scanner_name": "govulncheck", "scan_level": "symbol", "scan_mode": "source"}}
{"SBOM": {"go_version": "go1.26.0", "modules": [{"path": "souk"}]}}
{"progress": {"message": "Checking the code against the vulnerabilities..."}}
`

// entry is what the database has on one vulnerability, as govulncheck passes it on.
func entry(id string) string {
	return fmt.Sprintf(`{"osv": {"schema_version": "1.3.1", "id": %q, "summary": "Summary of %s", "affected": [{"package": {"name": "example.com/m", "ecosystem": "Go"}}]}}`, id, id)
}

// finding is one message on a vulnerability. Of one that is called there are three: the
// module, the package, and the function with the way to it.
func finding(id, fixed, trace string) string {
	return fmt.Sprintf(`{"finding": {"osv": %q, "fixed_version": %q, "trace": [%s]}}`, id, fixed, trace)
}

const (
	module   = `{"module": "example.com/m", "version": "v1.0.0"}`
	imported = `{"module": "example.com/m", "version": "v1.0.0", "package": "example.com/m/p"}`
	called   = `{"module": "example.com/m", "version": "v1.0.0", "package": "example.com/m/p", "function": "Parse", "position": {"filename": "p.go", "line": 3}},` +
		`{"module": "souk", "package": "souk/shared/api", "function": "Read", "position": {"filename": "shared/api/read.go", "line": 9}}`
	method = `{"module": "stdlib", "version": "v1.26.0", "package": "net/http", "function": "ServeHTTP", "receiver": "*Server"}`
)

func TestRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		stream string
		ok     bool
		says   string
	}{
		"nothing is found":           {config, true, ""},
		"a module that is not used":  {config + entry("GO-1") + finding("GO-1", "v1.1.0", module), true, "GO-1: example.com/m@v1.0.0: Summary of GO-1: not called"},
		"a package that is imported": {config + entry("GO-1") + finding("GO-1", "v1.1.0", module) + finding("GO-1", "v1.1.0", imported), true, "not called"},
		"a function that is called": {
			config + entry("GO-1") + finding("GO-1", "v1.1.0", module) + finding("GO-1", "v1.1.0", imported) + finding("GO-1", "v1.1.0", called),
			false, "CALLED, fixed in v1.1.0",
		},
		"a function that is called, reported first": {config + finding("GO-1", "v1.1.0", called) + finding("GO-1", "v1.1.0", module), false, "CALLED"},
		"a method of the standard library":          {config + finding("GO-2", "v1.26.1", method), false, "stdlib@v1.26.0"},
		"a function without a fix":                  {config + entry("GO-1") + finding("GO-1", "", called), true, "called, not fixed yet"},
		"one of two":                                {config + finding("GO-1", "", called) + finding("GO-2", "v1.26.1", method), false, "GO-1"},
		"no output":                                 {"", false, ""},
		"output that is cut off":                    {config + `{"finding": {"osv"`, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var to strings.Builder
			err := run(strings.NewReader(test.stream), &to)
			if (err == nil) != test.ok || !strings.Contains(to.String(), test.says) {
				t.Errorf("got %v, and %q", err, to.String())
			}
		})
	}
}

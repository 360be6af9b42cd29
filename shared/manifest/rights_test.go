package manifest_test

import (
	"slices"
	"strings"
	"testing"

	"souk/shared/database"
	"souk/shared/manifest/manifestfile"
)

const restricted = shop + `
restrictedColumns:
  - {service: thing, table: thing, column: secret_hash, read: [thing-get], write: [thing-make]}
  - {service: thing, table: old, column: token_hash, former: [thing-get]}
`

func TestRights(t *testing.T) {
	t.Parallel()
	m := mustParse(t, restricted)
	secret, token := database.Column{Table: "thing", Name: "secret_hash"}, database.Column{Table: "old", Name: "token_hash"}
	for _, test := range []struct {
		name      string
		service   string
		functions []string
		want      database.Rights
	}{
		{"no function", "thing", nil, database.Rights{NoRead: []database.Column{secret, token}, NoWrite: []database.Column{secret, token}}},
		{"a function that reads one column and read the other in the release before", "thing", []string{"thing-get"}, database.Rights{NoWrite: []database.Column{secret}}},
		{"a function that writes", "thing", []string{"thing-make"}, database.Rights{NoRead: []database.Column{secret, token}, NoWrite: []database.Column{token}}},
		{"two functions", "thing", []string{"thing-get", "thing-make"}, database.Rights{}},
		{"another service", "copy", []string{"copy-keep"}, database.Rights{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := m.Rights(test.service, test.functions...); !got.Equal(test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// TestColumnsThatAllRead requires that readAll withholds the right to write alone.
func TestColumnsThatAllRead(t *testing.T) {
	t.Parallel()
	m := mustParse(t, shop+"restrictedColumns:\n  - {service: thing, table: thing, column: secret_grant, readAll: true, write: [thing-make]}\n")
	column := []database.Column{{Table: "thing", Name: "secret_grant"}}
	for function, want := range map[string]database.Rights{"thing-get": {NoWrite: column}, "thing-make": {}} {
		if got := m.Rights("thing", function); !got.Equal(want) {
			t.Errorf("%s: got %v, want %v", function, got, want)
		}
	}
}

func TestLogins(t *testing.T) {
	t.Parallel()
	m := mustParse(t, restricted)
	var names []string
	for _, login := range m.Logins() {
		names = append(names, login.Name)
	}
	if want := []string{"thing", "thing-make", "thing-get", "copy"}; !slices.Equal(names, want) {
		t.Errorf("the logins are %v, want %v", names, want)
	}
	for function, want := range map[string]string{"thing-get": "thing-get", "copy-keep": "copy"} {
		if f, _ := m.Function(function); m.LoginOf(f) != want {
			t.Errorf("%s uses the login %s, want %s", function, m.LoginOf(f), want)
		}
	}
}

func TestRestrictedColumnsAreChecked(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ from, to, want string }{
		"an unknown function":           {"read: [thing-get]", "read: [thing-got]", "thing-got is not a function of service thing"},
		"a function of another service": {"read: [thing-get]", "read: [copy-keep]", "copy-keep is not a function of service thing"},
		"an unknown service":            {"service: thing, table: old", "service: think, table: old", `no function is of service "think"`},
		"a column twice":                {"table: old, column: token_hash", "table: thing, column: secret_hash", "is listed twice"},
		"readers besides all":           {"read: [thing-get]", "readAll: true, read: [thing-get]", "either all functions may read it"},
		"no column":                     {", column: token_hash,", ",", "need a table and a column"},
		"a function without a database": {`access: anyone}`, `access: anyone, database: none}`, "thing-get is not a function of service thing with a database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := strings.Replace(restricted, test.from, test.to, 1)
			if _, err := manifestfile.Parse([]byte(text)); text == restricted || err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
		})
	}
}

func TestImmutableTables(t *testing.T) {
	t.Parallel()
	m := mustParse(t, restricted+"immutableTables:\n  - {service: thing, table: receipt}\n  - {service: thing, table: note}\n")
	if got, want := m.Rights("thing", "thing-get", "thing-make"), (database.Rights{NoChange: []string{"receipt", "note"}}); !got.Equal(want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := m.Rights("copy"); !got.Equal(database.Rights{}) {
		t.Errorf("another service has the rights %v", got)
	}
	for name, tables := range map[string]string{
		"an unknown service": "  - {service: other, table: receipt}\n",
		"no table":           "  - {service: thing}\n",
		"a table twice":      "  - {service: thing, table: receipt}\n  - {service: thing, table: receipt}\n",
	} {
		if _, err := manifestfile.Parse([]byte(restricted + "immutableTables:\n" + tables)); err == nil || !strings.Contains(err.Error(), "immutableTables") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

package functions_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"souk/shared/auth"
	"souk/shared/manifest"
)

var update = flag.Bool("update", false, "write the table of roles in docs/operations.md")

// roleTable returns the permissions of the roles that every shop has.
func roleTable() string {
	var table strings.Builder
	roles := auth.BuiltInRoles()
	fmt.Fprint(&table, "\n| permission |")
	for _, role := range roles {
		fmt.Fprintf(&table, " %s |", role)
	}
	fmt.Fprintf(&table, "\n|---|%s\n", strings.Repeat(":-:|", len(roles)))
	for _, p := range manifest.AllPermissions().List() {
		fmt.Fprintf(&table, "| `%s` |", p)
		for _, role := range roles {
			permissions, _ := role.BuiltIn()
			fmt.Fprintf(&table, " %s |", map[bool]string{true: "x"}[permissions.Has(p)])
		}
		fmt.Fprintln(&table)
	}
	return table.String()
}

// TestRoleTable compares the table in docs/operations.md with the roles.
func TestRoleTable(t *testing.T) {
	t.Parallel()
	const path, end = "../docs/operations.md", "<!-- end of roles -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, _ := strings.Cut(string(text), "<!-- roles: ")
	comment, rest, _ := strings.Cut(rest, "\n")
	_, after, found := strings.Cut(rest, end)
	if !found {
		t.Fatalf("%s has no table of roles", path)
	}
	want := before + "<!-- roles: " + comment + "\n" + roleTable() + "\n" + end + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Errorf("%s differs from the roles: go test ./functions -run TestRoleTable -update", path)
	}
}

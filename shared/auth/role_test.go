package auth

import (
	"strings"
	"testing"

	"souk/shared/manifest"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	for role, want := range map[Role]bool{
		Owner: true, Manager: true, Support: true, Warehouse: true, ReadOnly: true, "night-shift": true, "shift2": true, Role(strings.Repeat("a", MaxRoleLength)): true,
		Customer: false, Guest: false, Key: false, "admin": false, "": false, "Support": false, "night shift": false, "-shift": false, "shift-": false, "a--b": false,
		"2nd": false, "schicht\u00f6": false, "a\n": false, Role(strings.Repeat("a", MaxRoleLength+1)): false,
	} {
		if got := role.IsStaff(); got != want {
			t.Errorf("%q is a role of staff: %t, want %t", role, got, want)
		}
		if got := role.Valid(); got != (want || role == Customer) {
			t.Errorf("%q is valid: %t", role, got)
		}
	}
}

func TestBuiltInRoles(t *testing.T) {
	t.Parallel()
	for role, want := range map[Role]string{
		Manager:   "products.read products.write stock.write orders.read orders.write refunds.write discounts.read discounts.write settings.read settings.write customers.read customers.write staff.read keys.read webhooks.read webhooks.write trail.read",
		Support:   "products.read orders.read orders.write refunds.write discounts.read customers.read customers.write trail.read",
		Warehouse: "products.read stock.write orders.read orders.write",
		ReadOnly:  "products.read orders.read discounts.read settings.read customers.read staff.read keys.read webhooks.read trail.read",
		Owner:     manifest.AllPermissions().String(),
	} {
		if got, found := role.BuiltIn(); !found || got.String() != want {
			t.Errorf("%s has %s, want %s", role, got, want)
		}
	}
	if len(BuiltInRoles()) != len(builtIn) {
		t.Errorf("%d roles are listed, %d are defined", len(BuiltInRoles()), len(builtIn))
	}
	for _, role := range []Role{Customer, Guest, Key, "admin", "", "night-shift"} {
		if got, found := role.BuiltIn(); found || got != 0 {
			t.Errorf("%q has %s", role, got)
		}
	}
}

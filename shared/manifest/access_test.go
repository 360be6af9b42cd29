package manifest_test

import (
	"testing"

	"souk/shared/manifest"
)

func TestAccessPermission(t *testing.T) {
	t.Parallel()
	for _, p := range manifest.AllPermissions().List() {
		if got, isStaff := manifest.Staff(p).Permission(); got != p || !isStaff {
			t.Errorf("%s needs %q, %t", manifest.Staff(p), got, isStaff)
		}
	}
	for _, access := range []manifest.Access{
		"", manifest.Anyone, manifest.User, manifest.Checkout, "admin", "staff", "staff()", "staff(orders.burn)", "staff(orders.write", "orders.write", "staff(orders.write) ",
	} {
		if _, isStaff := access.Permission(); isStaff || access.IsStaff() {
			t.Errorf("%q needs a permission", access)
		}
	}
}

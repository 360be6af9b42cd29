package manifest_test

import (
	"slices"
	"testing"

	"souk/shared/manifest"
)

func TestPermissionSet(t *testing.T) {
	t.Parallel()
	set := manifest.NewPermissionSet(manifest.TrailRead, manifest.OrdersWrite, "orders.burn")
	if got := set.List(); !slices.Equal(got, []manifest.Permission{manifest.OrdersWrite, manifest.TrailRead}) {
		t.Errorf("the set lists %v", got)
	}
	if set.String() != "orders.write trail.read" || manifest.ParsePermissionSet(" trail.read  orders.write orders.burn") != set {
		t.Errorf("the set is written %q", set)
	}
	if !set.Has(manifest.OrdersWrite) || set.Has(manifest.OrdersRead) || set.Has("orders.burn") || set.Has("") {
		t.Error("the set has other permissions than it was created with")
	}
	if got := set.Without(manifest.NewPermissionSet(manifest.OrdersWrite)); got.String() != "trail.read" {
		t.Errorf("without one it is %q", got)
	}
	all := manifest.AllPermissions().List()
	if len(all) != 19 || len(all) > 64 {
		t.Errorf("there are %d permissions", len(all))
	}
	for _, p := range all {
		if set := manifest.NewPermissionSet(p); !set.Has(p) || len(set.List()) != 1 || !p.Valid() {
			t.Errorf("a set of %s alone is %q", p, set)
		}
	}
	var none manifest.PermissionSet
	if none.String() != "" || len(none.List()) != 0 {
		t.Errorf("the empty set is %q", none)
	}
}

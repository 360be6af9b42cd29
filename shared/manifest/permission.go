package manifest

import (
	"math/bits"
	"slices"
	"strings"
)

// Permission is a right of staff and of machines. A function's access rule names the one that
// its callers need.
type Permission string

// The permissions. Adding one is compatible: programs of the release before ignore it.
const (
	ProductsRead   Permission = "products.read"
	ProductsWrite  Permission = "products.write"
	StockWrite     Permission = "stock.write"
	OrdersRead     Permission = "orders.read"
	OrdersWrite    Permission = "orders.write"
	RefundsWrite   Permission = "refunds.write"
	DiscountsRead  Permission = "discounts.read"
	DiscountsWrite Permission = "discounts.write"
	SettingsRead   Permission = "settings.read"
	SettingsWrite  Permission = "settings.write"
	CustomersRead  Permission = "customers.read"
	CustomersWrite Permission = "customers.write"
	StaffRead      Permission = "staff.read"
	StaffWrite     Permission = "staff.write"
	KeysRead       Permission = "keys.read"
	KeysWrite      Permission = "keys.write"
	WebhooksRead   Permission = "webhooks.read"
	WebhooksWrite  Permission = "webhooks.write"
	TrailRead      Permission = "trail.read"
)

var permissions = []Permission{
	ProductsRead, ProductsWrite, StockWrite, OrdersRead, OrdersWrite, RefundsWrite, DiscountsRead, DiscountsWrite, SettingsRead, SettingsWrite,
	CustomersRead, CustomersWrite, StaffRead, StaffWrite, KeysRead, KeysWrite, WebhooksRead, WebhooksWrite, TrailRead,
}

// Valid reports whether the permission is one of the shop.
func (p Permission) Valid() bool { return slices.Contains(permissions, p) }

// ReadsOnly reports whether the permission changes nothing.
func (p Permission) ReadsOnly() bool { return strings.HasSuffix(string(p), ".read") }

// PermissionSet is a set of permissions. Sets can be compared. The zero value is empty. A set is
// stored and sent as names, by String: its bits are those of this program only.
type PermissionSet uint64

// NewPermissionSet returns the set of permissions. It ignores unknown ones.
func NewPermissionSet(elements ...Permission) (set PermissionSet) {
	for _, p := range elements {
		set |= p.bit()
	}
	return set
}

// AllPermissions returns the set of all permissions.
func AllPermissions() PermissionSet { return NewPermissionSet(permissions...) }

// ParsePermissionSet returns the set with the names in a text, which are separated by spaces. It
// ignores unknown ones: those of another release.
func ParsePermissionSet(text string) (set PermissionSet) {
	for name := range strings.FieldsSeq(text) {
		set |= Permission(name).bit()
	}
	return set
}

// bit returns the set with the permission alone, or none if it is unknown.
func (p Permission) bit() PermissionSet {
	if i := slices.Index(permissions, p); i >= 0 {
		return 1 << i
	}
	return 0
}

// Has reports whether the set has a permission.
func (s PermissionSet) Has(p Permission) bool { return s&p.bit() != 0 }

// Without returns the permissions that are not in the other set.
func (s PermissionSet) Without(other PermissionSet) PermissionSet { return s &^ other }

// List returns the permissions in the order of their definition.
func (s PermissionSet) List() []Permission {
	list := make([]Permission, 0, bits.OnesCount64(uint64(s)))
	for _, p := range permissions {
		if s.Has(p) {
			list = append(list, p)
		}
	}
	return list
}

// String returns the names of the permissions, separated by spaces: the form of the scope of a
// token (RFC 6749, section 3.3).
func (s PermissionSet) String() string {
	var names []string
	for _, p := range s.List() {
		names = append(names, string(p))
	}
	return strings.Join(names, " ")
}

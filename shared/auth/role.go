package auth

import (
	"regexp"

	"souk/shared/manifest"
)

// Role is the role of a caller in the shop. Accounts are customers or, with any other role, staff.
type Role string

// The roles of accounts that every shop has. A shop can define others for its staff.
const (
	Customer  Role = "customer"
	Owner     Role = "owner"
	Manager   Role = "manager"
	Support   Role = "support"
	Warehouse Role = "warehouse"
	ReadOnly  Role = "read-only"
)

// Roles that no account and no access token has.
const (
	// Guest is the role of a checkout token: it allows what functions.yaml gives the access
	// `checkout`, and nothing else.
	Guest Role = "guest"
	// Key is the role of an API key: it allows what its permissions do, and nothing else.
	Key Role = "key"
)

// formerAdmin is the name that the release before this one has for Owner, in the database and
// in tokens.
const formerAdmin Role = "admin"

// MaxRoleLength is the maximum length of the name of a role.
const MaxRoleLength = 32

// roleForm is the form of the name of a role.
var roleForm = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// builtIn are the permissions of the roles of staff that every shop has.
var builtIn = map[Role]manifest.PermissionSet{
	Owner:   manifest.AllPermissions(),
	Manager: manifest.AllPermissions().Without(manifest.NewPermissionSet(manifest.StaffWrite, manifest.KeysWrite)),
	Support: manifest.NewPermissionSet(manifest.OrdersRead, manifest.OrdersWrite, manifest.RefundsWrite, manifest.CustomersRead, manifest.CustomersWrite,
		manifest.ProductsRead, manifest.DiscountsRead, manifest.TrailRead),
	Warehouse: manifest.NewPermissionSet(manifest.OrdersRead, manifest.OrdersWrite, manifest.StockWrite, manifest.ProductsRead),
	ReadOnly:  readPermissions(),
}

func readPermissions() (set manifest.PermissionSet) {
	for _, p := range manifest.AllPermissions().List() {
		if p.ReadsOnly() {
			set |= manifest.NewPermissionSet(p)
		}
	}
	return set
}

// BuiltInRoles returns the roles of staff that every shop has, those with more permissions first.
func BuiltInRoles() []Role { return []Role{Owner, Manager, Support, Warehouse, ReadOnly} }

// BuiltIn returns the permissions of a role of staff that every shop has, and reports whether it is
// one.
func (r Role) BuiltIn() (manifest.PermissionSet, bool) {
	set, found := builtIn[r]
	return set, found
}

// IsStaff reports whether the role is one of staff: one that every shop has, or of the form of
// those that a shop defines.
func (r Role) IsStaff() bool {
	switch r {
	case Customer, Guest, Key, formerAdmin:
		return false
	}
	return len(r) <= MaxRoleLength && roleForm.MatchString(string(r))
}

// Valid reports whether the role is one of an account.
func (r Role) Valid() bool { return r == Customer || r.IsStaff() }

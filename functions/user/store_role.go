package user

import (
	"souk/shared/auth"
	"souk/shared/database"
)

// formerAdmin is the value of the column role of an owner. The release before this one reads and
// writes that column during a rollout: for it, an account is an admin or a customer.
const formerAdmin = "admin"

// roleColumns are the two columns with the role of an account.
type roleColumns struct {
	// Former is the column role. It determines whether the account is an owner, because the
	// release before can change it.
	Former string
	// Staff is the column staff_role: '' for a customer.
	Staff string
}

// newRoleColumns returns the columns for a role.
func newRoleColumns(role auth.Role) roleColumns {
	switch {
	case role == auth.Owner:
		return roleColumns{formerAdmin, string(role)}
	case role.IsStaff():
		return roleColumns{string(auth.Customer), string(role)}
	default:
		return roleColumns{string(auth.Customer), ""}
	}
}

// role returns the role in the columns. A stored value that is not a role, which older versions
// accepted, is read as Customer: that is the role with the fewest rights, and the account can
// still be read, signed in to and changed.
func (c roleColumns) role() auth.Role {
	role := auth.Role(c.Staff)
	switch {
	case c.Former == formerAdmin:
		return auth.Owner
	case role.IsStaff() && role != auth.Owner:
		return role
	default: // also an owner that the release before has changed into a customer
		return auth.Customer
	}
}

// rightsColumns are the columns of rights, of which the permissions are those of the role.
const rightsColumns = `role, staff_role, rights_version, second_factor`

// scanRights scans the rights without the permissions.
func scanRights(row database.Scanner) (rights, error) {
	var columns roleColumns
	var version int64
	var secondFactor bool
	if err := row.Scan(&columns.Former, &columns.Staff, &version, &secondFactor); err != nil {
		return rights{}, err
	}
	return rights{Role: columns.role(), Version: version, SecondFactor: secondFactor}, nil
}

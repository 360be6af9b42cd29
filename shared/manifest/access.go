package manifest

import (
	"fmt"
	"slices"
	"strings"
)

// Access is the rule for the callers of an HTTP function. Its zero value refuses all.
type Access string

// The access rules of functions.yaml, besides those of Staff, which need a permission.
const (
	// Anyone needs no token.
	Anyone Access = "anyone"
	// Checkout needs the token of any account, or of a checkout.
	Checkout Access = "checkout"
	// User needs the token of any account.
	User Access = "user"
)

// CheckoutKeys is the secret of the functions that sign or verify the tokens of checkouts.
const CheckoutKeys = "CHECKOUT_TOKEN_KEYS"

// Authentication is how a function that anyone may call treats access tokens. The zero value
// ignores them.
type Authentication string

// OptionalToken is the value of a function that knows the callers who send an access token. It
// refuses an invalid one.
const OptionalToken Authentication = "optional"

// Staff returns the access rule that needs a permission: staff(orders.write).
func Staff(p Permission) Access { return Access("staff(" + string(p) + ")") }

// Permission returns the permission that an access rule needs, and reports whether it needs one.
func (a Access) Permission() (Permission, bool) {
	name, found := strings.CutPrefix(string(a), "staff(")
	name, closed := strings.CutSuffix(name, ")")
	p := Permission(name)
	return p, found && closed && p.Valid()
}

// IsStaff reports whether an access rule needs a permission.
func (a Access) IsStaff() bool {
	_, isStaff := a.Permission()
	return isStaff
}

func (f Function) checkAccess() []error {
	var errs []error
	fail := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: "+format, append([]any{f.Name}, args...)...))
	}
	if f.HTTP != "" && !slices.Contains([]Access{Anyone, Checkout, User}, f.Access) && !f.Access.IsStaff() {
		fail("route %q has no authorization rule: set access to anyone, checkout, user or staff(PERMISSION) with one of %s, got %q", f.HTTP, AllPermissions(), f.Access)
	}
	if f.Others != "" && (!f.Others.Valid() || f.Access != User && f.Access != Checkout) {
		fail("others is one of %s, for functions with the access user or checkout, got %q", AllPermissions(), f.Others)
	}
	if f.Access == Checkout && !slices.Contains(f.Secrets, CheckoutKeys) {
		fail("access checkout needs the secret %s", CheckoutKeys)
	}
	if f.Authentication != "" && (f.Authentication != OptionalToken || f.Access != Anyone || f.Cache != nil) {
		fail("authentication is optional, and for functions that anyone may call and caches do not serve, got %q", f.Authentication)
	}
	if f.HTTP == "" && f.Access != "" {
		fail("access is for http functions: events and schedules are called by Pub/Sub alone")
	}
	return errs
}

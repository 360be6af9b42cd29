// Package passwordtest lowers the cost of password hashes in tests that do not depend on
// it. With OWASP's parameters, hashes take most of the time of such tests.
package passwordtest

import "souk/functions/user/internal/password/cost"

// UseLowestCost sets the lowest cost for the password hashes of this process. Call it in
// TestMain.
func UseLowestCost() { cost.SetLowest() }

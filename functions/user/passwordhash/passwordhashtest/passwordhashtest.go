// Package passwordhashtest lowers the cost of password hashes in tests that do not depend
// on it. With OWASP's parameters, hashes take most of the time of such tests.
package passwordhashtest

import "souk/functions/user/passwordhash/internal/cost"

// UseLowestCost sets the lowest cost for the password hashes of this process. Call it in
// TestMain.
func UseLowestCost() { cost.SetLowest() }

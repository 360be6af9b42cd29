// Package passwordhashtest makes password hashes cheap in tests that are not about
// their cost. At OWASP's cost they take most of the time of such tests.
package passwordhashtest

import "souk/functions/user/passwordhash/internal/cost"

// UseLowestCost makes the password hashes of this process as cheap as can be. Call it
// in TestMain.
func UseLowestCost() { cost.SetLowest() }

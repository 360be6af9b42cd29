package functions_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// networkLimit is the limit, for one network, of an operation that writes for callers without an account.
type networkLimit struct {
	// name is that in the headers of its 429. body returns the body of a request that counts, if the example
	// of the operation does not.
	name string
	body func() object
	// bounded is, instead of both, what else bounds the requests.
	bounded string
}

const (
	guestCheckout = "a guest needs the token of a checkout, which are limited"
	mailedToken   = "a token of 256 random bits, which was mailed to the account"
)

// networkLimits has each operation that writes for callers without an account.
var networkLimits = map[string]networkLimit{
	"checkout-create": {name: "guest-checkout-network"},
	"checkout-update": {name: "discount-code-network", body: func() object { return object{"discountCodes": []any{"GUESS-" + uuid.NewString()}} }},
	"user-register":   {name: "mail-network"}, "password-reset-request": {name: "mail-network"}, "passkey-challenge": {name: "passkey-network"},
	"session-create": {name: "login-network", body: func() object { return fixtures.Login(uuid.NewString()+"@example.com", "wrong") }},

	"checkout-complete": {bounded: guestCheckout + ", and each has one order"},
	"order-cancel":      {bounded: guestCheckout + ", and each has one order, which is cancelled once"},
	"return-cancel":     {bounded: guestCheckout + ", and each has one order, whose returns are limited"},
	"return-create":     {bounded: guestCheckout + ", and each has one order, whose returns are limited"},
	"payment-webhook":   {bounded: "the signature of the payment provider"},
	"email-verify":      {bounded: mailedToken}, "password-reset": {bounded: mailedToken}, "email-revert": {bounded: mailedToken},
	"session-confirm": {bounded: "the token of a sign-in, whose password was correct; it is valid for a few codes"},
	"session-refresh": {bounded: "a token of 256 random bits"},
}

// networkLimitSettings are such that few requests of a network exceed a limit.
var networkLimitSettings = map[string]string{
	"CHECKOUT_MAX_OF_NETWORK": "2", "DISCOUNT_MAX_REFUSED_OF_NETWORK": "2", "USER_LOGIN_TRIES_PER_NETWORK": "2", "USER_LOGIN_WINDOW": "24h",
}

// writesForGuests reports whether callers without an account can write with a function.
func writesForGuests(f manifest.Function) bool {
	return f.HTTP != "" && f.Method() != http.MethodGet && (f.Access == manifest.Anyone || f.Access == manifest.Checkout)
}

// TestNetworkLimits requires that what one network can write without an account is limited, of each operation
// that is open to such callers. A new one must be added to networkLimits.
func TestNetworkLimits(t *testing.T) {
	t.Parallel()
	servers := map[string]*functiontest.Server{}
	for _, f := range functions.Manifest().Functions {
		limit, listed := networkLimits[f.Name]
		if listed != writesForGuests(f) {
			t.Errorf("%s: networkLimits lists it: %t, and it writes for callers without an account: %t", f.Name, listed, writesForGuests(f))
		}
		if (limit.name == "") == (limit.bounded == "") && listed {
			t.Errorf("%s: networkLimits must have either the name of its limit or what else bounds it", f.Name)
		}
		if limit.name == "" {
			continue
		}
		if servers[f.Service] == nil {
			settings := maps.Clone(environment(t))
			maps.Copy(settings, networkLimitSettings)
			servers[f.Service] = functiontest.Start(t, functions.Manifest(), f.Service, services[f.Service].Build, services[f.Service].Migrations, settings)
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			requireNetworkLimit(t, servers[f.Service], f, limit)
		})
	}
	for name := range networkLimits {
		if _, found := functions.Manifest().Function(name); !found {
			t.Errorf("networkLimits has %s, which is not in the manifest", name)
		}
	}
}

// requireNetworkLimit requires that a few requests from one network exceed a limit, and that those from other
// networks do not. Each test has networks of its own.
func requireNetworkLimit(t *testing.T, s *functiontest.Server, f manifest.Function, limit networkLimit) {
	t.Helper()
	var by account
	if f.Access == manifest.Checkout {
		by = mustCreateCaller(t, s, f)
	}
	r := requestTo(t, s, f, by)
	send := func(address string) functiontest.Response {
		t.Helper()
		if limit.body == nil {
			r = requestTo(t, s, f, by)
		} else {
			r.Body = limit.body()
		}
		r.Header["X-Forwarded-For"] = address + ", 127.0.0.1"
		return s.Do(t, r)
	}
	own := uuid.NewString()[:4]
	const maxRequests = 25
	for range maxRequests {
		response := send("2001:db8:" + own + ":1::1")
		if response.Status != http.StatusTooManyRequests {
			continue
		}
		response.MustBeProblem(t, http.StatusTooManyRequests, "too_many_requests")
		if got := response.Header.Get("RateLimit"); !strings.HasPrefix(got, `"`+limit.name+`"`) || response.Header.Get("Retry-After") == "" {
			t.Errorf("RateLimit is %s and Retry-After %q, want the limit %s", got, response.Header.Get("Retry-After"), limit.name)
		}
		if response := send("2001:db8:" + own + ":2::1"); response.Status == http.StatusTooManyRequests {
			t.Errorf("another network is limited: %s", response.Body)
		}
		return
	}
	t.Errorf("%d requests from one network are not limited", maxRequests)
}

package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"souk/functions/order"
	"souk/functions/user"
	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// staffStep is a request of a day of staff. It depends on the steps before it.
type staffStep struct {
	name string
	// needs are the permissions that the request needs, in the order in which they are checked.
	needs []manifest.Permission
	// prepare sends what precedes the request, as the customer. It may be nil.
	prepare func(t *testing.T, d *staffDay)
	request func(d *staffDay) functiontest.Request
	// changesOrder is the function that changes the order, "" if none does.
	changesOrder string
	// check requires that the request, with a response of success, had its effect.
	check func(t *testing.T, d *staffDay, response functiontest.Response)
}

// priceOfUnit is the price of fixtures.Product.
const priceOfUnit = 1299

// staffSteps are the steps of a day.
var staffSteps = slices.Concat(searchSteps, noteSteps, orderSteps, stockSteps, shopSteps)

// searchSteps find the order and its customer.
var searchSteps = []staffStep{
	{
		name: "find the order by e-mail address", needs: needs(manifest.OrdersRead),
		request: get((*staffDay).searchByMail), check: func(t *testing.T, d *staffDay, r functiontest.Response) { t.Helper(); d.requireOnlyOrder(t, r) },
	}, {
		name: "find the order by its number", needs: needs(manifest.OrdersRead),
		request: get(func(d *staffDay) string { return "/v1/orders?q=" + strings.ToLower(d.order.Number) }),
		check:   func(t *testing.T, d *staffDay, r functiontest.Response) { t.Helper(); d.requireOnlyOrder(t, r) },
	}, {
		name: "find the account", needs: needs(manifest.CustomersRead),
		request: get(func(d *staffDay) string { return "/v1/users?q=amira-" + d.mark }),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			var page api.Page[user.User]
			if r.Into(t, &page); len(page.Items) != 1 || page.Items[0] != d.customer {
				t.Errorf("found %s, want %+v", r.Body, d.customer)
			}
		},
	}, {
		name: "read the account", needs: needs(manifest.CustomersRead),
		request: get(func(d *staffDay) string { return "/v1/users/" + d.customer.ID.String() }),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			var account struct {
				user.User
				Addresses []user.Address
			}
			if r.Into(t, &account); account.User != d.customer || len(account.Addresses) != 1 {
				t.Errorf("got %s", r.Body)
			}
		},
	}, {
		name: "count the orders of the account", needs: needs(manifest.OrdersRead),
		request: get(func(d *staffDay) string { return "/v1/orders?customer=" + d.customer.ID.String() }),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			var page struct {
				Items         []order.Order
				NextPageToken string
				OrderCount    struct {
					Count int64
					More  bool
				}
			}
			if r.Into(t, &page); len(page.Items) != 1 || page.Items[0].ID != d.order.ID || page.OrderCount.Count != 1 || page.OrderCount.More {
				t.Errorf("got %s", r.Body)
			}
		},
	},
}

func needs(permissions ...manifest.Permission) []manifest.Permission { return permissions }

// get returns the request of a step that reads a path.
func get(path func(*staffDay) string) func(*staffDay) functiontest.Request {
	return func(d *staffDay) functiontest.Request { return getRequest("", path(d)) }
}

// requireText returns a check that requires a text in the response.
func requireText(text string) func(*testing.T, *staffDay, functiontest.Response) {
	return func(t *testing.T, _ *staffDay, r functiontest.Response) {
		t.Helper()
		if !strings.Contains(string(r.Body), text) {
			t.Errorf("got %s, want %s in it", r.Body, text)
		}
	}
}

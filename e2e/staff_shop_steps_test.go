package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"souk/functions/user"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// shopSteps are about the shop and its staff.
var shopSteps = []staffStep{
	{
		name: "create a discount", needs: needs(manifest.DiscountsWrite),
		request: func(d *staffDay) functiontest.Request {
			return functiontest.Request{Method: http.MethodPost, Path: "/v1/discounts",
				Body: map[string]any{"name": "Day " + d.mark, "code": "DAY-" + d.mark, "kind": "percentage", "rate": 100_000}}
		},
		check: func(*testing.T, *staffDay, functiontest.Response) {}, // the next step finds it
	}, {
		name: "list the discounts", needs: needs(manifest.DiscountsRead),
		request: get(func(*staffDay) string { return "/v1/discounts?pageSize=100" }),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			if !strings.Contains(string(r.Body), "DAY-"+d.mark) {
				t.Errorf("the discounts are %s", r.Body)
			}
		},
	}, {
		name: "read the settings", needs: needs(manifest.SettingsRead), request: get(func(*staffDay) string { return "/v1/settings" }),
		check: requireText(`"currency":"EUR"`),
	}, {
		name: "list the roles", needs: needs(manifest.StaffRead), request: get(func(*staffDay) string { return "/v1/roles" }),
		check: requireText(`"name":"warehouse"`),
	}, {
		name: "list the webhooks", needs: needs(manifest.WebhooksRead), request: get(func(*staffDay) string { return "/v1/webhooks" }),
		check: requireText(`"items":[`),
	}, {
		name: "create an API key", needs: needs(manifest.KeysWrite),
		request: func(d *staffDay) functiontest.Request {
			return functiontest.Request{Method: http.MethodPost, Path: "/v1/keys", Body: map[string]any{"name": "Day " + d.mark, "scopes": []any{manifest.OrdersRead}}}
		},
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			var key user.KeyWithSecret
			r.Into(t, &key)
			d.canaries.plant(key.Secret)
			if key.CreatedBy == nil || *key.CreatedBy != d.by.id {
				t.Errorf("the key was created by %v, want %s", key.CreatedBy, d.by.id)
			}
		},
	}, {
		name: "list the API keys", needs: needs(manifest.KeysRead), request: get(func(*staffDay) string { return "/v1/keys?pageSize=100" }),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			requireText("Day "+d.mark)(t, d, r)
		},
	}, {
		name: "export the own account", request: get(func(*staffDay) string { return "/v1/users/me/export" }),
		check: func(t *testing.T, d *staffDay, r functiontest.Response) {
			t.Helper()
			if e := d.mustReadExport(t, r); e.Account.ID != d.staff.id || len(e.Orders) != 0 {
				t.Errorf("the export of %s is %s", d.staff.id, r.Body)
			}
			d.requireCustomerExport(t)
		},
	}, {
		name: "appoint a colleague", needs: needs(manifest.StaffWrite),
		request: func(d *staffDay) functiontest.Request { return putRole("", d.customer.ID, auth.Support) },
		check: func(t *testing.T, d *staffDay, _ functiontest.Response) {
			t.Helper()
			var account struct{ Role auth.Role }
			r := d.system.do(t, getRequest(d.owner.token, "/v1/users/"+d.customer.ID.String())).MustBe(t, http.StatusOK)
			if err := json.Unmarshal(r.Body, &account); err != nil || account.Role != auth.Support {
				t.Errorf("%v: the account is %s", err, r.Body)
			}
			d.requireTrail(t, "users", d.customer.ID, "user-role")
		},
	},
}

package e2e_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/user"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// outcomesByHand has, for each role that every shop has, steps of staffSteps that it can do and steps
// that it cannot: a definition of a role that is wrong contradicts them.
var outcomesByHand = map[auth.Role]struct{ can, cannot []string }{
	auth.Owner: {can: []string{"ship a part", "refund a line", "adjust the stock", "change a price", "read the settings", "create an API key", "appoint a colleague"}},
	auth.Manager: {
		can:    []string{"find the account", "ship a part", "refund a line", "adjust the stock", "change a price", "create a discount", "list the API keys", "read the trail"},
		cannot: []string{"create an API key", "appoint a colleague"},
	},
	auth.Support: {
		can:    []string{"find the account", "find the order by its number", "write a note", "tag the order", "ship a part", "receive a return with its refund", "refund a line", "list the discounts", "read the trail"},
		cannot: []string{"adjust the stock", "change a price", "create a discount", "read the settings", "list the roles", "list the webhooks", "create an API key", "appoint a colleague"},
	},
	auth.Warehouse: {
		can:    []string{"find the order by its number", "write a note", "find the order by its tag", "ship a part", "receive a return without a refund", "adjust the stock", "list low stock", "export the catalogue"},
		cannot: []string{"find the account", "read the trail", "receive a return with its refund", "refund a line", "change a price", "list the discounts", "appoint a colleague"},
	},
	auth.ReadOnly: {
		can:    []string{"find the order by e-mail address", "find the account", "read the notes", "read the trail", "read the payment", "list low stock", "export the catalogue", "list the API keys", "read the settings"},
		cannot: []string{"write a note", "change the note", "delete the note", "tag the order", "ship a part", "deliver", "receive a return without a refund", "refund a line", "adjust the stock", "change a price", "create a discount", "create an API key", "appoint a colleague"},
	},
}

// TestStaffDay has an account of each role that every shop has work on a paid order, by HTTP. What
// the role does not allow is refused without an effect, and an owner does it instead.
func TestStaffDay(t *testing.T) {
	parallel(t)
	s := startSystem(t, paymentsOn)
	admin := s.newOwner(t)
	s.chargeTaxAndShipping(t, admin.token)
	roles := s.builtInRoles(t, admin.token)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(outcomesByHand)), slices.Sorted(maps.Keys(roles))); diff != "" {
		t.Fatalf("the roles of every shop (-outcomesByHand +GET /v1/roles):\n%s", diff)
	}
	t.Run("every role does its work and no more", func(t *testing.T) {
		for role, permissions := range roles {
			t.Run(string(role), func(t *testing.T) {
				parallel(t)
				requireOutcomes(t, role, permissions)
				d := s.newStaffDay(t, admin)
				d.staff = s.hire(t, admin, role)
				if role == auth.Owner {
					t.Run("a key with orders.read finds the order and does not ship it", d.requireLimitedKey)
				}
				for _, step := range staffSteps {
					if !t.Run(step.name, func(t *testing.T) { d.do(t, step, permissions) }) {
						t.FailNow() // the next steps depend on it
					}
				}
				d.requireLeave(t)
			})
		}
	})
	t.Run("the last owner remains", func(t *testing.T) { s.requireLastOwner(t, admin) })
}

// builtInRoles returns the permissions of the roles that every shop has, as the shop lists them.
func (s *system) builtInRoles(t *testing.T, admin string) map[auth.Role]manifest.PermissionSet {
	t.Helper()
	var page api.Page[user.StaffRole]
	s.do(t, getRequest(admin, "/v1/roles?pageSize=100")).MustBe(t, http.StatusOK).Into(t, &page)
	roles := map[auth.Role]manifest.PermissionSet{}
	for _, r := range page.Items {
		if r.BuiltIn {
			roles[r.Name] = manifest.NewPermissionSet(r.Permissions...)
		}
	}
	return roles
}

// requireOutcomes compares the permissions of a role with outcomesByHand.
func requireOutcomes(t *testing.T, role auth.Role, permissions manifest.PermissionSet) {
	t.Helper()
	expected := map[string]bool{}
	for _, name := range outcomesByHand[role].can {
		expected[name] = true
	}
	for _, name := range outcomesByHand[role].cannot {
		expected[name] = false
	}
	for name, can := range expected {
		i := slices.IndexFunc(staffSteps, func(step staffStep) bool { return step.name == name })
		if i < 0 {
			t.Fatalf("outcomesByHand has the step %q, which staffSteps has not", name)
		}
		if missing := staffSteps[i].missing(permissions); (missing == "") != can {
			t.Errorf("%s can %s: %t, want %t; it lacks %q", role, name, !can, can, missing)
		}
	}
}

// missing returns the first permission of the step that a set does not have, "" if it has all.
func (step staffStep) missing(permissions manifest.PermissionSet) manifest.Permission {
	for _, p := range step.needs {
		if !permissions.Has(p) {
			return p
		}
	}
	return ""
}

// do does a step as the member of staff. Without its permissions, it requires that the request is
// refused without an effect, and does it as the owner: so the request itself is valid.
func (d *staffDay) do(t *testing.T, step staffStep, permissions manifest.PermissionSet) {
	t.Helper()
	if step.prepare != nil {
		step.prepare(t, d)
	}
	by := d.staff
	if missing := step.missing(permissions); missing != "" {
		r := step.request(d)
		r.Token = d.staff.token
		d.requireRefused(t, r, missing)
		by = d.owner
	}
	r := step.request(d)
	r.Token = by.token
	response := d.system.do(t, r)
	if response.Status/100 != 2 {
		t.Fatalf("%s: got %d: %s", by.role, response.Status, response.Body)
	}
	d.by = by
	if step.changesOrder != "" {
		d.changes = append(d.changes, staffChange{step.changesOrder, by})
	}
	step.check(t, d, response)
}

// requireRefused requires that a request is refused for a permission, and changes nothing.
func (d *staffDay) requireRefused(t *testing.T, r functiontest.Request, missing manifest.Permission) {
	t.Helper()
	before := d.state(t)
	response := d.system.do(t, r)
	response.MustBeProblem(t, http.StatusForbidden, api.CodeForbidden)
	scope := fmt.Sprintf("scope=%q", missing)
	if !strings.Contains(string(response.Body), " "+string(missing)+",") || !strings.Contains(response.Header.Get("WWW-Authenticate"), scope) {
		t.Errorf("the refusal does not name %s: %v %s", missing, response.Header, response.Body)
	}
	if diff := cmp.Diff(before, d.state(t)); diff != "" {
		t.Errorf("a refused request changed (-before +after):\n%s", diff)
	}
}

// requireLeave changes the role of the member of staff to customer, and requires that the token ends.
func (d *staffDay) requireLeave(t *testing.T) {
	t.Helper()
	d.system.do(t, putRole(d.owner.token, d.staff.id, auth.Customer)).MustBe(t, http.StatusOK)
	search := getRequest(d.staff.token, "/v1/orders?q="+d.order.Number)
	eventually(t, "the token of the former member of staff is refused", func() bool {
		return d.system.do(t, search).Status == http.StatusUnauthorized
	})
	d.system.do(t, search).MustBeProblem(t, http.StatusUnauthorized, api.CodeTokenRevoked)
}

// requireLimitedKey requires that a key with one scope does what that allows, and nothing else, until
// it is revoked.
func (d *staffDay) requireLimitedKey(t *testing.T) {
	var key user.KeyWithSecret
	d.system.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/keys", Token: d.owner.token,
		Body: map[string]any{"name": "ERP " + d.mark, "scopes": []any{manifest.OrdersRead}}}).MustBe(t, http.StatusCreated).Into(t, &key)
	d.canaries.plant(key.Secret)
	search := getRequest(key.Secret, "/v1/orders?q="+d.order.Number)
	eventually(t, "the order service knows the key", func() bool { return d.system.do(t, search).Status == http.StatusOK })
	d.requireOnlyOrder(t, d.system.do(t, search))
	d.requireRefused(t, fixtures.ChangeOrderStatus(key.Secret, d.order.ID, "ship"), manifest.OrdersWrite)
	d.requireRefused(t, getRequest(key.Secret, "/v1/users/"+d.customer.ID.String()), manifest.CustomersRead)
	d.system.do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/keys/" + key.ID.String(), Token: d.owner.token,
		Header: map[string]string{"If-Match": "*"}}).MustBe(t, http.StatusNoContent)
	eventually(t, "the revoked key is refused", func() bool { return d.system.do(t, search).Status == http.StatusUnauthorized })
}

// requireLastOwner requires that neither staff nor the last owner can end the ownership.
func (s *system) requireLastOwner(t *testing.T, admin staffMember) {
	t.Helper()
	name := auth.Role("hr-" + uuid.NewString()[:8])
	s.do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/roles", Token: admin.token,
		Body: map[string]any{"name": name, "permissions": []any{manifest.StaffRead, manifest.StaffWrite, manifest.CustomersRead}}}).MustBe(t, http.StatusCreated)
	hr := s.hire(t, admin, name)
	refused := s.do(t, putRole(hr.token, admin.id, auth.Customer))
	refused.MustBeProblem(t, http.StatusForbidden, api.CodeForbidden)
	if !strings.Contains(string(refused.Body), "Only an owner") {
		t.Errorf("staff with %s is refused with %s", manifest.StaffWrite, refused.Body)
	}
	s.do(t, putRole(admin.token, admin.id, auth.Customer)).MustBeProblem(t, http.StatusConflict, "own_role")
	s.do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/users/me", Token: admin.token, Header: map[string]string{"If-Match": "*"}}).
		MustBeProblem(t, http.StatusConflict, "owner_account")
	var owners []uuid.UUID
	for token := ""; ; {
		var page api.Page[user.User]
		s.do(t, getRequest(hr.token, "/v1/users?pageSize=100&pageToken="+token)).MustBe(t, http.StatusOK).Into(t, &page)
		for _, u := range page.Items {
			if u.Role == auth.Owner {
				owners = append(owners, u.ID)
			}
		}
		if token = page.NextPageToken; token == "" {
			break
		}
	}
	// Other tests create owners in the system of containers.
	if !slices.Contains(owners, admin.id) || containers == nil && len(owners) != 1 {
		t.Errorf("the owners are %v, want %s", owners, admin.id)
	}
}

// state returns what the owner reads of everything that a day changes.
func (d *staffDay) state(t *testing.T) map[string]string {
	t.Helper()
	read := map[string]string{}
	for _, path := range []string{
		"/v1/orders/" + d.order.ID.String(), d.notesPath(), "/v1/trail/orders?pageSize=100&resourceId=" + d.order.ID.String(), "/v1/users/" + d.customer.ID.String(),
		"/v1/products/search?sku=" + d.cup.SKU, "/v1/products/search?sku=" + d.pot.SKU, "/v1/products/" + d.cup.ID.String() + "/stock-movements",
	} {
		read[path] = string(d.system.do(t, getRequest(d.owner.token, path)).MustBe(t, http.StatusOK).Body)
	}
	p := d.payment(t)
	p.Version, p.UpdatedAt = 0, p.CreatedAt // callbacks that report nothing new may increase them
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	read["payment"] = string(text)
	for _, list := range []string{"/v1/discounts?pageSize=100", "/v1/keys?pageSize=100"} { // of all days
		body := d.system.do(t, getRequest(d.owner.token, list)).MustBe(t, http.StatusOK).Body
		read[list] = fmt.Sprint(strings.Count(string(body), d.mark))
	}
	return read
}

// requireOnlyOrder requires that a search has found the order alone.
func (d *staffDay) requireOnlyOrder(t *testing.T, response functiontest.Response) {
	t.Helper()
	var page api.Page[order.Order]
	if response.Into(t, &page); len(page.Items) != 1 || page.Items[0].ID != d.order.ID || page.Items[0].Number != d.order.Number {
		t.Errorf("found %s, want order %s alone", response.Body, d.order.Number)
	}
}

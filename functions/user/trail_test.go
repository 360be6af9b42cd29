package user

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions/fixtures"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/trail"
)

// mustListTrail returns the first page of the entries that a query selects.
func (s server) mustListTrail(t *testing.T, query string) []trail.Entry {
	t.Helper()
	var page api.Page[trail.Entry]
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/users?pageSize=100&" + query, Token: s.Tokens.Admin(t)}).
		MustBe(t, http.StatusOK).Into(t, &page)
	return page.Items
}

// operations returns the operations of entries, with the kinds of their actors.
func operations(entries []trail.Entry) []string {
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Operation + " by " + string(e.Actor.Kind)
	}
	return names
}

// TestTrailList requires that the changes of an account are in its part of the list, without what is
// personal, and remain after its deletion, without the account.
func TestTrailList(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	session := s.mustSignIn(t, "ada@example.com")
	s.mustCreateAddress(t, session.AccessToken)
	s.Do(t, functiontest.Request{Method: http.MethodPatch, Path: "/v1/users/me", Token: session.AccessToken, Header: map[string]string{"If-Match": "*"}, Body: object{"name": "Ada King"}}).
		MustBe(t, http.StatusOK)
	s.changePassword(t, session.AccessToken, fixtures.PasswordChange(fixtures.Password, fixtures.NewPassword)).MustBe(t, http.StatusNoContent)
	s.mustPutRole(t, ada.ID, auth.Owner)
	s.mustPutRole(t, ada.ID, auth.Customer)

	entries := s.mustListTrail(t, "resourceId="+ada.ID.String())
	want := []string{
		"user-role by staff", "user-role by staff", "password-change by customer", "user-update by customer", "address-create by customer", "email-verify by customer",
	}
	if diff := cmp.Diff(want, operations(entries)); diff != "" {
		t.Fatalf("the entries differ (-want +got):\n%s", diff)
	}
	if c := entries[0].Changes; len(c) != 1 || c[0].Before != "owner" || c[0].After != "customer" {
		t.Errorf("the last change is %+v", c)
	}
	if c := entries[3].Changes; len(c) != 1 || c[0] != (trail.FieldChange{Field: "name", Omitted: trail.OmittedPersonal}) {
		t.Errorf("the change of the name is %+v", c)
	}

	signedIn := s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/sessions", Body: fixtures.Login("ada@example.com", fixtures.NewPassword)})
	var fresh tokens
	signedIn.MustBe(t, http.StatusCreated).Into(t, &fresh)
	s.deleteMe(t, fresh.AccessToken, "*").MustBe(t, http.StatusNoContent)
	if left := s.mustListTrail(t, "resourceId="+ada.ID.String()); len(left) != 0 {
		t.Errorf("%d entries name the deleted account", len(left))
	}
	deleted := s.mustListTrail(t, "operation=user-delete")
	if len(deleted) != 1 || deleted[0].Actor.ID != nil || deleted[0].Resource.ID != nil || deleted[0].RequestID != "" {
		t.Errorf("the entry of the deletion is %+v", deleted)
	}
	if updated := s.mustListTrail(t, "operation=user-update"); len(updated) != 1 || updated[0].Actor.ID != nil {
		t.Errorf("the entry of the update is %+v", updated)
	}
}

// TestStaffSignIn requires that logins of staff are entries, and those of customers are not.
func TestStaffSignIn(t *testing.T) {
	t.Parallel()
	s := open(t)
	ada := s.mustRegister(t, "ada@example.com")
	s.mustSignIn(t, "ada@example.com")
	if entries := s.mustListTrail(t, "operation=session-create"); len(entries) != 0 {
		t.Errorf("a login of a customer is an entry: %+v", entries)
	}
	s.mustPutRole(t, ada.ID, auth.Owner)
	s.mustSignIn(t, "ada@example.com")
	entries := s.mustListTrail(t, "operation=session-create")
	if len(entries) != 1 || entries[0].Actor.Kind != trail.Staff || *entries[0].Actor.ID != ada.ID {
		t.Errorf("the entries of the login are %+v", entries)
	}
}

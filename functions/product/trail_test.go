package product_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/trail"
)

// mustListTrail returns the first page of the entries that a query selects.
func (s shop) mustListTrail(t *testing.T, query string) []trail.Entry {
	t.Helper()
	var page api.Page[trail.Entry]
	s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/trail/products?" + query, Token: s.admin}).MustBe(t, http.StatusOK).Into(t, &page)
	return page.Items
}

// changed returns the operations of entries with the fields that have changed.
func changed(entries []trail.Entry) []string {
	texts := make([]string, len(entries))
	for i, e := range entries {
		texts[i] = e.Operation
		for _, c := range e.Changes {
			texts[i] += " " + c.Field
		}
	}
	return texts
}

func TestTrailList(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.mustCreate(t, fixtures.Product("TRAIL", 10))
	path := "/v1/products/" + p.ID.String()
	change := func(method string, body any) {
		t.Helper()
		response := s.Do(t, functiontest.Request{Method: method, Path: path, Token: s.admin, Header: map[string]string{"If-Match": "*"}, Body: body})
		if response.Status >= http.StatusBadRequest {
			t.Fatalf("%s %s: %d %s", method, path, response.Status, response.Body)
		}
	}
	change(http.MethodPatch, map[string]any{"price": map[string]any{"amount": 4711, "currency": "EUR"}, "description": strings.Repeat("long ", 200)})
	change(http.MethodPatch, map[string]any{"description": strings.Repeat("long ", 200)}) // changes nothing
	s.adjust(t, p.ID, 5).MustBe(t, http.StatusOK)
	lines := `{"sku":"TRAIL","name":"Renamed","stockDelta":-3}` + "\n" + `{"sku":"TRAIL-2","name":"New","price":{"amount":1,"currency":"EUR"}}` + "\n"
	s.Do(t, fixtures.ImportProducts(s.admin, "application/x-ndjson", lines)).MustBe(t, http.StatusOK)
	change(http.MethodDelete, nil)

	want := []string{
		"product-archive status", "product-import available name", "stock-adjust available", "product-update description price.amount",
	}
	entries := s.mustListTrail(t, "resourceId="+p.ID.String())
	if diff := cmp.Diff(want, changed(entries)[:min(len(entries), 4)]); diff != "" || len(entries) != 5 || entries[4].Operation != "product-create" {
		t.Fatalf("the entries differ (-want +got):\n%s\nthey are %q", diff, changed(entries))
	}
	if c := entries[1].Changes[0]; c.Before != 15.0 || c.After != 12.0 {
		t.Errorf("the import has changed the stock from %v to %v, want 15 to 12", c.Before, c.After)
	}
	if c := entries[3].Changes; c[0].Omitted != trail.OmittedTooLong || c[1].After != 4711.0 {
		t.Errorf("the update has changed %+v", c)
	}
	if imported := s.mustListTrail(t, "operation=product-import"); len(imported) != 2 {
		t.Errorf("the import has %d entries, want one for each product", len(imported))
	}
}

// TestTrailOfDeletedAccount requires that product-revocations removes a deleted account from the trail.
func TestTrailOfDeletedAccount(t *testing.T) {
	t.Parallel()
	s := open(t)
	former := uuid.New()
	s.admin = s.Token(t, auth.Principal{UserID: former, Role: auth.Owner, Permissions: manifest.AllPermissions()})
	p := s.mustCreate(t, fixtures.Product("FORMER", 1))
	if entries := s.mustListTrail(t, "actorId="+former.String()); len(entries) != 1 {
		t.Fatalf("the account has %d entries, want 1", len(entries))
	}
	deleted := functiontest.NewEvent(t, "user-deleted", map[string]any{"userId": former})
	for range 2 {
		s.Deliver(t, "product-revocations", deleted).MustBe(t, http.StatusNoContent)
	}
	s.DeliverUnchecked(t, "product-revocations", functiontest.NewEvent(t, "user-deleted", map[string]any{})).MustBe(t, http.StatusInternalServerError)
	entries := s.mustListTrail(t, "resourceId="+p.ID.String())
	if len(entries) != 1 || entries[0].Actor.ID != nil || entries[0].Actor.Kind != trail.Staff {
		t.Errorf("the entries are %+v", entries)
	}
}

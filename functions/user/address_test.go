package user

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"souk/shared/address"
	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

const addressesPath = "/v1/users/me/addresses"

func home() object {
	return object{
		"name": "Amira Haddad", "company": "Haddad Trading", "line1": "12 Market Street", "line2": "c/o Ada",
		"postalCode": "10115", "city": "Potsdam", "region": "Brandenburg", "country": "DE", "phone": "+49 (331) 12345-67",
	}
}

func (s server) address(t *testing.T, token, method, path, etag string, body any) functiontest.Response {
	t.Helper()
	header := map[string]string{}
	if etag != "" {
		header["If-Match"] = etag
	}
	return s.Do(t, functiontest.Request{Method: method, Path: addressesPath + path, Token: token, Header: header, Body: body})
}

func (s server) mustCreateAddress(t *testing.T, token string) Address {
	t.Helper()
	var a Address
	s.address(t, token, http.MethodPost, "", "", home()).MustBe(t, http.StatusCreated).Into(t, &a)
	return a
}

// mustOwner creates an account and returns an access token of it.
func (s server) mustOwner(t *testing.T, email string) string {
	t.Helper()
	return s.Token(t, auth.Principal{UserID: s.mustRegister(t, email).ID, Role: auth.Customer})
}

func TestCreateAddress(t *testing.T) {
	t.Parallel()
	s := open(t)
	token := s.mustOwner(t, "ada@example.com")

	t.Run("the address is stored, and the response has its Location", func(t *testing.T) {
		t.Parallel()
		got := s.address(t, token, http.MethodPost, "", "", home())
		var a, found Address
		got.MustBe(t, http.StatusCreated).Into(t, &a)
		want := address.PostalAddress{
			Name: "Amira Haddad", Company: "Haddad Trading", Line1: "12 Market Street", Line2: "c/o Ada",
			PostalCode: "10115", City: "Potsdam", Region: "Brandenburg", Country: "DE", Phone: "+493311234567",
		}
		if a.PostalAddress != want || a.Version != 1 || got.Header.Get("ETag") != `"1"` {
			t.Fatalf("got %+v, ETag %s", a, got.Header.Get("ETag"))
		}
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: got.Header.Get("Location"), Token: token}).MustBe(t, http.StatusOK).Into(t, &found)
		if found != a {
			t.Fatalf("found %+v, want %+v", found, a)
		}
	})

	for name, change := range map[string]object{
		"no name":                     {"name": ""},
		"an invisible name":           {"name": " \u00a0"},
		"a line with a line break":    {"line1": "12 Market Street\nBerlin"},
		"an invisible line 2":         {"line2": "\t"},
		"a long city":                 {"city": strings.Repeat("x", 101)},
		"the name of a country":       {"country": "Germany"},
		"a former country":            {"country": "YU"},
		"an unassigned country code":  {"country": "XX"},
		"a phone number without code": {"phone": "030 1234567"},
		"a control character":         {"region": "Bra\x00ndenburg"},
		"an unknown field":            {"userId": uuid.New()},
	} {
		t.Run(name+" is rejected", func(t *testing.T) {
			t.Parallel()
			body := home()
			maps.Copy(body, change)
			got := s.address(t, token, http.MethodPost, "", "", body)
			got.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			if locations := errorLocations(t, got); len(locations) != 1 {
				t.Fatalf("got errors at %v, want 1", locations)
			}
		})
	}

	t.Run("the token of a missing account is rejected", func(t *testing.T) {
		t.Parallel()
		missing := s.Token(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})
		s.address(t, missing, http.MethodPost, "", "", home()).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})
}

func TestCreateAddressLimitIsConcurrencySafe(t *testing.T) {
	t.Parallel()
	s := open(t)
	token := s.mustOwner(t, "ada@example.com")
	for range maxAddresses - 3 {
		s.mustCreateAddress(t, token)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if got := s.address(t, token, http.MethodPost, "", "", home()); got.Status != http.StatusCreated {
				got.MustBeProblem(t, http.StatusConflict, "too_many_addresses")
			}
		})
	}
	wg.Wait()
	if n := s.mustCount(t, `SELECT COUNT(*) FROM address`); n != maxAddresses {
		t.Fatalf("the account has %d addresses, want %d", n, maxAddresses)
	}
}

func TestListAddresses(t *testing.T) {
	t.Parallel()
	s := open(t)
	adas, bobs := s.mustOwner(t, "ada@example.com"), s.mustOwner(t, "bob@example.com")
	want := []Address{s.mustCreateAddress(t, adas), s.mustCreateAddress(t, adas), s.mustCreateAddress(t, adas)}
	slices.Reverse(want)
	s.mustCreateAddress(t, bobs)
	var first, second api.Page[Address]
	s.address(t, adas, http.MethodGet, "?pageSize=2", "", nil).MustBe(t, http.StatusOK).Into(t, &first)
	s.address(t, adas, http.MethodGet, "?pageSize=2&pageToken="+first.NextPageToken, "", nil).MustBe(t, http.StatusOK).Into(t, &second)
	if got := slices.Concat(first.Items, second.Items); !slices.Equal(got, want) || second.NextPageToken != "" {
		t.Fatalf("got %+v, want the owner's, newest first: %+v", got, want)
	}
	s.address(t, adas, http.MethodGet, "?pageToken=x", "", nil).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
}

func TestUpdateAddress(t *testing.T) {
	t.Parallel()
	s := open(t)
	token := s.mustOwner(t, "ada@example.com")

	t.Run("only the fields that are sent change", func(t *testing.T) {
		t.Parallel()
		before := s.mustCreateAddress(t, token)
		path := "/" + before.ID.String()
		var after, stored Address
		s.address(t, token, http.MethodPatch, path, `"1"`, object{"city": "Bonn", "line2": ""}).MustBe(t, http.StatusOK).Into(t, &after)
		want := before
		want.City, want.Line2, want.Version, want.UpdatedAt = "Bonn", "", 2, after.UpdatedAt
		if after != want || !after.UpdatedAt.After(before.UpdatedAt) {
			t.Fatalf("got %+v, want %+v", after, want)
		}
		s.address(t, token, http.MethodGet, path, "", nil).MustBe(t, http.StatusOK).Into(t, &stored)
		if stored != after {
			t.Fatalf("stored %+v, responded %+v", stored, after)
		}
		var bare Address
		cleared := object{"line2": "", "company": nil, "postalCode": nil, "region": "", "phone": nil}
		s.address(t, token, http.MethodPatch, path, `"2"`, cleared).MustBe(t, http.StatusOK).Into(t, &bare)
		if want := (address.PostalAddress{Name: before.Name, Line1: before.Line1, City: "Bonn", Country: "DE"}); bare.PostalAddress != want {
			t.Fatalf("got %+v, want %+v", bare, want)
		}
		s.address(t, token, http.MethodPatch, path, `"1"`, object{"city": "Köln"}).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
		s.address(t, token, http.MethodPatch, path, "", object{"city": "Köln"}).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	})
	t.Run("invalid fields are rejected", func(t *testing.T) {
		t.Parallel()
		path := "/" + s.mustCreateAddress(t, token).ID.String()
		for _, body := range []object{{"name": ""}, {"name": " "}, {"city": "a\nb"}, {"country": "de"}, {"country": "AN"}, {"country": "XK"}, {"phone": "+49"}, {"city": nil}, {"country": nil}, {"planet": "Earth"}} {
			s.address(t, token, http.MethodPatch, path, "*", body).MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		}
	})
}

func TestDeleteAddress(t *testing.T) {
	t.Parallel()
	s := open(t)
	token := s.mustOwner(t, "ada@example.com")
	deleted, remaining := s.mustCreateAddress(t, token), s.mustCreateAddress(t, token)
	path := "/" + deleted.ID.String()
	s.address(t, token, http.MethodDelete, path, "", nil).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	s.address(t, token, http.MethodDelete, path, `"2"`, nil).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
	s.address(t, token, http.MethodDelete, path, `"1"`, nil).MustBe(t, http.StatusNoContent)
	s.address(t, token, http.MethodDelete, path, `"1"`, nil).MustBeProblem(t, http.StatusNotFound, "address_not_found")
	s.address(t, token, http.MethodGet, "/"+remaining.ID.String(), "", nil).MustBe(t, http.StatusOK)
}

// Addresses of other accounts are not found, not even by admins.
func TestAddressesOfOthersAreNotFound(t *testing.T) {
	t.Parallel()
	s := open(t)
	adas := s.mustOwner(t, "ada@example.com")
	path := "/" + s.mustCreateAddress(t, adas).ID.String()
	_, admin := s.mustAdmin(t)
	for _, other := range []string{s.mustOwner(t, "bob@example.com"), admin} {
		s.address(t, other, http.MethodGet, path, "", nil).MustBeProblem(t, http.StatusNotFound, "address_not_found")
		s.address(t, other, http.MethodPatch, path, "*", object{"city": "Bonn"}).MustBeProblem(t, http.StatusNotFound, "address_not_found")
		s.address(t, other, http.MethodDelete, path, "*", nil).MustBeProblem(t, http.StatusNotFound, "address_not_found")
	}
	s.address(t, adas, http.MethodGet, path, "", nil).MustBe(t, http.StatusOK)
}

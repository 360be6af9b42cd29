package user

import (
	"net/http"
	"testing"

	"souk/functions/fixtures"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

const addressesPath = "/v1/users/me/addresses"

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
	s.address(t, token, http.MethodPost, "", "", fixtures.Address()).MustBe(t, http.StatusCreated).Into(t, &a)
	return a
}

// mustOwner creates an account and returns an access token of it.
func (s server) mustOwner(t *testing.T, email string) string {
	t.Helper()
	return s.Token(t, auth.Principal{UserID: s.mustRegister(t, email).ID, Role: auth.Customer})
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

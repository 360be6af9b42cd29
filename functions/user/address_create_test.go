package user

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/address"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
)

func TestCreateAddress(t *testing.T) {
	t.Parallel()
	s := open(t)
	token := s.mustOwner(t, "ada@example.com")

	t.Run("the address is stored, and the response has its Location", func(t *testing.T) {
		t.Parallel()
		got := s.address(t, token, http.MethodPost, "", "", fixtures.Address())
		var a, found Address
		got.MustBe(t, http.StatusCreated).Into(t, &a)
		want := address.PostalAddress{
			Name: "Amira Haddad", Company: "Haddad Trading", Line1: "12 Market Street", Line2: "c/o Ada",
			PostalCode: "14467", City: "Potsdam", Region: "Brandenburg", Country: "DE", Phone: "+493311234567",
		}
		if diff := cmp.Diff(want, a.PostalAddress); diff != "" || a.Version != 1 || got.Header.Get("ETag") != `"1"` {
			t.Fatalf("version %d, ETag %s, address (-want +got):\n%s", a.Version, got.Header.Get("ETag"), diff)
		}
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: got.Header.Get("Location"), Token: token}).MustBe(t, http.StatusOK).Into(t, &found)
		if diff := cmp.Diff(a, found); diff != "" {
			t.Fatalf("(-response +found):\n%s", diff)
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
			body := fixtures.Address()
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
		s.address(t, missing, http.MethodPost, "", "", fixtures.Address()).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
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
			if got := s.address(t, token, http.MethodPost, "", "", fixtures.Address()); got.Status != http.StatusCreated {
				got.MustBeProblem(t, http.StatusConflict, "too_many_addresses")
			}
		})
	}
	wg.Wait()
	if n := s.mustCount(t, `SELECT COUNT(*) FROM address`); n != maxAddresses {
		t.Fatalf("the account has %d addresses, want %d", n, maxAddresses)
	}
}

package api_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/shared/api"
)

// requireNilOrProblem fails the test unless err is nil or a problem with that status.
func requireNilOrProblem(t *testing.T, err error, status int) {
	t.Helper()
	var p *api.Problem
	if err != nil && (!errors.As(err, &p) || p.Status != status) {
		t.Fatalf("got %v, want a %d", err, status)
	}
}

func FuzzPageToken(f *testing.F) {
	for _, seed := range []string{"", "bnVsbA", "e30", "IjAxOTljMGRlLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMSI", "====", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		var id uuid.UUID
		var key struct {
			Name  string `json:"name"`
			Price *int64 `json:"price,omitempty"`
		}
		q := api.PageQuery{PageToken: token, PageSize: 1}
		requireNilOrProblem(t, q.Cursor(&key), http.StatusBadRequest)
		err := q.Cursor(&id)
		requireNilOrProblem(t, err, http.StatusBadRequest)
		if err != nil || token == "" {
			return
		}
		// An accepted token equals the token that NewPage returns for its key.
		page, err := api.NewPage(q, []uuid.UUID{id, id}, func(id uuid.UUID) any { return id })
		if err != nil || page.NextPageToken != token {
			t.Fatalf("accepted %q, which is %s, whose token is %q: %v", token, id, page.NextPageToken, err)
		}
	})
}

func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{"", "*", `"3"`, `"3.50"`, `W/"3"`, `"1", "3"`, ",", `"`, `"ü"`, "\xff"} {
		f.Add(seed, int64(3))
	}
	f.Fuzz(func(t *testing.T, header string, version int64) {
		requireNilOrProblem(t, api.IfMatch{IfMatch: header}.Check(version), http.StatusPreconditionFailed)
		if err := (api.IfMatch{IfMatch: api.ETag(version, 7)}).Check(version); err != nil {
			t.Fatalf("the tag of version %d does not match it: %v", version, err)
		}
		for _, method := range []string{http.MethodGet, http.MethodPatch} {
			recorder := record(thing(api.ETag(version), http.StatusOK, true), method, http.Header{"If-Match": {header}, "If-None-Match": {header}})
			switch recorder.Code {
			case http.StatusOK, http.StatusNotModified, http.StatusBadRequest, http.StatusPreconditionRequired:
			default:
				t.Fatalf("%s with %q: %d", method, header, recorder.Code)
			}
		}
	})
}

func FuzzPrefer(f *testing.F) {
	for _, seed := range []string{"", "wait=5", `wait="5"; x=y`, "respond-async, wait=10", "wait=-1", "wait=99999999999999999999", "WAIT = 3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		wait, applied := api.Prefer{Header: header}.Wait()
		if wait < 0 || wait > api.MaxWait || (wait == 0) != (applied == "") {
			t.Fatalf("%q waits %s, and returns %q", header, wait, applied)
		}
		if again, _ := (api.Prefer{Header: applied}).Wait(); again != wait {
			t.Fatalf("%q waits %s, but what was applied, %q, waits %s", header, wait, applied, again)
		}
	})
}

// record calls a handler without a connection, so that a header may have any value.
func record(handler http.Handler, method string, header http.Header) *httptest.ResponseRecorder {
	recorder := httptest.NewRecorder()
	r := httptest.NewRequest(method, "/", nil)
	r.Header = header
	handler.ServeHTTP(recorder, r)
	return recorder
}

func FuzzForwardedFor(f *testing.F) {
	f.Add("203.0.113.7, 10.0.0.1", "127.0.0.1:80", 1)
	f.Add("[::1]:80, fe80::1%eth0, ::ffff:10.0.0.1", "[::1]:80", 0)
	f.Add(",,,\xff", "pipe", 2)
	f.Fuzz(func(t *testing.T, header, peer string, hops int) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header, r.RemoteAddr = http.Header{"X-Forwarded-For": {header}}, peer
		hops = int(uint8(hops)) // a setting, not input
		address := api.ClientAddress(r, hops)
		if address.Is4In6() || address.Zone() != "" {
			t.Fatalf("%q is the address %s, which has another form", header, address)
		}
		// Entries of the client are to the left and have no effect.
		r.Header.Set("X-Forwarded-For", header+", 203.0.113.7"+strings.Repeat(", 10.0.0.1", hops))
		if got := api.ClientAddress(r, hops); got != netip.MustParseAddr("203.0.113.7") {
			t.Fatalf("%q before it makes the address %s", header, got)
		}
	})
}

package functions_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// object is a JSON object. In an example a field that may be left out has a name
// that ends with a question mark.
type object = map[string]any

// account is who asks.
type account struct {
	id    uuid.UUID
	role  auth.Role
	token string
}

// example is what a test needs to know of a function that clients call, besides
// what functions.yaml tells, to send it a request that succeeds. What cannot be
// right in it shows: TestExamples sends it.
type example struct {
	// on makes the thing whose id is in the path, for its owner.
	on func(t testing.TB, s *functiontest.Server, owner account) uuid.UUID
	// body makes a body with every field, new each time.
	body func(t testing.TB, s *functiontest.Server, owner account) object
	// lines is a body of another media type than JSON, and media that type.
	lines, media string
	// query has a right value of each query parameter but a page's, and wrong what
	// is wrong in one.
	query map[string]string
	wrong []string
	// paged is a list in pages.
	paged bool
	// signedIn asks with the token of a login: without one it refuses a customer.
	signedIn bool
}

// examples has one a function. TestExamples fails when one is missing: add it
// here, and idempotency, bad input and conditional requests of the function are
// tested.
var examples = map[string]example{
	"product-create":  {body: aProduct},
	"product-get":     {on: onProduct},
	"product-list":    {paged: true, query: map[string]string{"q": "tea", "category": "tea", "minPrice": "1", "maxPrice": "9000", "inStock": "true", "orderBy": "price"}, wrong: []string{"minPrice=-1", "minPrice=cheap", "maxPrice=99999999999999999999", "minPrice=2&maxPrice=1", "inStock=perhaps", "orderBy=colour", "orderBy=relevance", "q=" + long}},
	"product-update":  {on: onProduct, body: productChange},
	"product-archive": {on: onProduct},
	"product-import":  {media: "application/x-ndjson", lines: `{"sku":"LINE-1","name":"Line","price":{"amount":1,"currency":"EUR"}}` + "\n", query: map[string]string{"importId": "0199c0de-0000-7000-8000-00000000f11e"}, wrong: []string{"importId=monday"}},
	"product-export":  {query: map[string]string{"format": "csv"}, wrong: []string{"format=xml"}},
	"category-list":   {},
	"stock-adjust":    {on: onProduct, body: fixed(object{"delta": 3, "reason": "counted"})},

	"order-place":   {body: anOrder},
	"order-get":     {on: onOrder()},
	"order-list":    {paged: true, query: map[string]string{"status": "pending"}, wrong: []string{"status=lost", "userId=me"}},
	"order-cancel":  {on: onOrder(), body: fixed(object{"reason?": "ordered twice"})},
	"order-ship":    {on: onOrder("stock-reserved")},
	"order-deliver": {on: onOrder("stock-reserved", "/ship")},

	"user-register":          {body: anAccount},
	"email-verify":           {body: aVerification},
	"password-reset-request": {body: aResetRequest},
	"password-reset":         {body: aReset},

	"user-get":        {},
	"user-delete":     {signedIn: true},
	"user-export":     {},
	"user-update":     {body: fixed(object{"name?": "Ada King"})},
	"user-list":       {paged: true},
	"user-role":       {on: onAccount, body: fixed(object{"role": "admin"})},
	"password-change": {body: fixed(object{"currentPassword": password, "newPassword": password})},
	"address-create":  {body: anAddress},
	"address-list":    {paged: true},
	"address-get":     {on: onAddress},
	"address-update":  {on: onAddress, body: addressChange},
	"address-delete":  {on: onAddress},
	"session-create":  {body: aLogin},
	"session-refresh": {body: aRefresh},
	"session-delete":  {},
	"jwks":            {},
}

// long is longer than any text may be.
var long = strings.Repeat("long", 5000)

// MustExample returns the example of a function.
func MustExample(t testing.TB, f manifest.Function) example {
	t.Helper()
	e, there := examples[f.Name]
	if !there {
		t.Fatalf("there is no example of %s: add one to examples (functions/examples_test.go)", f.Name)
	}
	return e
}

// requestTo returns a request of the account to the function, one that succeeds.
func requestTo(t testing.TB, s *functiontest.Server, f manifest.Function, by account) functiontest.Request {
	t.Helper()
	e := MustExample(t, f)
	r := functiontest.Request{Method: f.Method(), Path: f.Path(), Token: by.token, Header: map[string]string{}}
	if e.on != nil {
		before, rest, _ := strings.Cut(r.Path, "{")
		_, after, _ := strings.Cut(rest, "}")
		r.Path = before + e.on(t, s, by).String() + after
	}
	if r.Method == http.MethodPatch || r.Method == http.MethodDelete {
		r.Header["If-Match"] = "*"
	}
	switch {
	case e.body != nil:
		r.Body = named(e.body(t, s, by), true)
	case e.lines != "":
		r.Body, r.Header["Content-Type"] = e.lines, e.media
	}
	return r
}

// named returns the example's value with the names that fields really have, with
// those that may be left out or without.
func named(value any, optional bool) any {
	switch v := value.(type) {
	case object:
		plain := object{}
		for name, field := range v {
			if name, may := strings.CutSuffix(name, "?"); optional || !may {
				plain[name] = named(field, optional)
			}
		}
		return plain
	case []any:
		plain := make([]any, len(v))
		for i := range v {
			plain[i] = named(v[i], optional)
		}
		return plain
	}
	return value
}

// mustJSON returns the value as JSON.
func mustJSON(t testing.TB, value any) string {
	t.Helper()
	var text bytes.Buffer
	if err := json.NewEncoder(&text).Encode(value); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(text.String(), "\n")
}

// forEachFunction runs a test of every function that clients call, a service at a
// time on a server of its own; several services at once.
func forEachFunction(t *testing.T, test func(t *testing.T, s *functiontest.Server, f manifest.Function)) {
	t.Helper()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := MustStart(t, service)
			for _, f := range functions.Manifest().Of(service) {
				if f.HTTP != "" {
					t.Run(f.Name, func(t *testing.T) { test(t, s, f) })
				}
			}
		})
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	for name := range examples {
		if f, listed := functions.Manifest().Function(name); !listed || f.HTTP == "" {
			t.Errorf("examples has %s, which no client calls", name)
		}
	}
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		e := MustExample(t, f)
		if (e.on != nil) != strings.Contains(f.Path(), "{") {
			t.Fatalf("%s: the example makes a thing that is in no path, or lacks one that is", f.HTTP)
		}
		by := MustEnter(t, s, f)
		mustSucceed(t, s.Do(t, requestTo(t, s, f, by)))
		if e.body != nil {
			r := requestTo(t, s, f, by)
			r.Body = named(e.body(t, s, by), false)
			mustSucceed(t, s.Do(t, r))
		}
		for name, value := range e.query {
			r := requestTo(t, s, f, by)
			r.Path += "?" + name + "=" + value
			mustSucceed(t, s.Do(t, r))
		}
	})
}

func mustSucceed(t testing.TB, answer functiontest.Response) {
	t.Helper()
	if answer.Status/100 != 2 {
		t.Fatalf("a good request got %d: %s", answer.Status, answer.Body)
	}
}

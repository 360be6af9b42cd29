package functions_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/shared/auth"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// object is a JSON object. In an example, the names of optional fields end with a question
// mark.
type object = map[string]any

// account is a caller with a token.
type account struct {
	id    uuid.UUID
	role  auth.Role
	token string
}

// example is what a test needs to send a function a request that succeeds, besides what
// functions.yaml has of it. TestExamples sends each.
type example struct {
	// create creates the resource whose id is in the path, for its owner.
	create func(t testing.TB, s *functiontest.Server, owner account) uuid.UUID
	// body returns a new body with every field.
	body func(t testing.TB, s *functiontest.Server, owner account) object
	// lines is a body that is not JSON, and media is its media type.
	lines, media string
	// query has a valid value of each query parameter other than those of pagination, and
	// invalid has queries with an invalid value.
	query   map[string]string
	invalid []string
	// paged marks a list with pagination.
	paged bool
	// signedIn requires the token of a login: the function refuses customers without one.
	signedIn bool
}

// examples has the examples of functions for which deriveExample is not enough: those with
// unique or secret values, queries to refuse, or bodies that are not JSON.
var examples = map[string]example{
	"product-create": {body: productBody},
	"product-list":   {paged: true, query: map[string]string{"q": "tea", "category": "tea", "minPrice": "1", "maxPrice": "9000", "inStock": "true", "orderBy": "price"}, invalid: []string{"minPrice=-1", "minPrice=cheap", "maxPrice=99999999999999999999", "minPrice=2&maxPrice=1", "inStock=perhaps", "orderBy=colour", "orderBy=relevance", "q=" + long}},
	"product-import": {media: "application/x-ndjson", lines: `{"sku":"LINE-1","name":"Line","price":{"amount":1,"currency":"EUR"}}` + "\n", query: map[string]string{"importId": "0199c0de-0000-7000-8000-00000000f11e"}, invalid: []string{"importId=monday"}},
	"product-export": {query: map[string]string{"format": "csv"}, invalid: []string{"format=xml"}},

	"order-place": {body: orderBody},
	"order-list":  {paged: true, query: map[string]string{"status": "pending"}, invalid: []string{"status=lost", "userId=me"}},

	"user-register":          {body: registrationBody},
	"email-verify":           {body: verificationBody},
	"password-reset-request": {body: resetRequestBody},
	"password-reset":         {body: resetBody},
	"user-delete":            {signedIn: true},
	"password-change":        {body: fixedBody(fixtures.PasswordChange(fixtures.Password, fixtures.Password))},
	"session-create":         {body: loginBody},
	"session-refresh":        {body: refreshBody},
}

// long is longer than the limit of any text.
var long = strings.Repeat("long", 5000)

// mustFindExample returns the example of a function.
func mustFindExample(t testing.TB, f manifest.Function) example {
	t.Helper()
	e, found := examples[f.Name]
	if !found {
		return deriveExample(t, f)
	}
	return e
}

// requestTo returns a request of the account to the function that succeeds.
func requestTo(t testing.TB, s *functiontest.Server, f manifest.Function, by account) functiontest.Request {
	t.Helper()
	return requestOf(t, s, f, mustFindExample(t, f), by)
}

// requestOf returns the request of an example of the function.
func requestOf(t testing.TB, s *functiontest.Server, f manifest.Function, e example, by account) functiontest.Request {
	t.Helper()
	r := functiontest.Request{Method: f.Method(), Path: f.Path(), Token: by.token, Header: map[string]string{}}
	if e.create != nil {
		before, wildcard, _ := strings.Cut(r.Path, "{")
		_, after, _ := strings.Cut(wildcard, "}")
		r.Path = before + e.create(t, s, by).String() + after
	}
	if r.Method == http.MethodPatch || r.Method == http.MethodDelete {
		r.Header["If-Match"] = "*"
	}
	switch {
	case e.body != nil:
		r.Body = expand(e.body(t, s, by), true)
	case e.lines != "":
		r.Body, r.Header["Content-Type"] = e.lines, e.media
	}
	return r
}

// expand returns an example's value without the question marks of its names, with or
// without the optional fields.
func expand(value any, optional bool) any {
	switch v := value.(type) {
	case object:
		plain := object{}
		for name, field := range v {
			if name, isOptional := strings.CutSuffix(name, "?"); optional || !isOptional {
				plain[name] = expand(field, optional)
			}
		}
		return plain
	case []any:
		plain := make([]any, len(v))
		for i := range v {
			plain[i] = expand(v[i], optional)
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

// forEachFunction runs a test for every function that clients call. Each service has its
// own server and database; services are tested in parallel.
func forEachFunction(t *testing.T, test func(t *testing.T, s *functiontest.Server, f manifest.Function), options ...functiontest.Option) {
	t.Helper()
	for _, service := range functions.Manifest().Services() {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service, options...)
			for _, f := range functions.Manifest().FunctionsOf(service) {
				if f.HTTP != "" {
					t.Run(f.Name, func(t *testing.T) { test(t, s, f) })
				}
			}
		})
	}
}

// TestExamples sends each example to the function, whose login to the database has its rights
// alone.
func TestExamples(t *testing.T) {
	t.Parallel()
	for name := range examples {
		if f, listed := functions.Manifest().Function(name); !listed || f.HTTP == "" {
			t.Errorf("examples has %s, which no client calls", name)
		}
	}
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		e := mustFindExample(t, f)
		if (e.create != nil) != strings.Contains(f.Path(), "{") {
			t.Fatalf("%s: the example creates a resource that is not in the path, or lacks one that is", f.HTTP)
		}
		by := mustCreateCaller(t, s, f)
		response := s.Do(t, requestTo(t, s, f, by))
		requireSuccess(t, response)
		requireDocumentedState(t, f, response)
		if e.body != nil {
			r := requestTo(t, s, f, by)
			r.Body = expand(e.body(t, s, by), false)
			requireSuccess(t, s.Do(t, r))
		}
		for name, value := range e.query {
			r := requestTo(t, s, f, by)
			r.Path += "?" + name + "=" + value
			requireSuccess(t, s.Do(t, r))
		}
	}, functiontest.WithRights)
}

// requireDocumentedState requires that the resource in a response has the status of the
// resource in the documented example.
func requireDocumentedState(t *testing.T, f manifest.Function, response functiontest.Response) {
	t.Helper()
	d, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
	documented := d.Paths.Find(f.Path()).GetOperation(f.Method()).Responses.Status(response.Status)
	if documented == nil || documented.Value.Content["application/json"] == nil {
		return
	}
	example, _ := documented.Value.Content["application/json"].Example.(object)
	if example["status"] == nil {
		return
	}
	var resource object
	mustDecode(t, response.Body, &resource)
	if example["status"] != resource["status"] {
		t.Errorf("the status is %v, but %v in the documented example", resource["status"], example["status"])
	}
}

func requireSuccess(t testing.TB, response functiontest.Response) {
	t.Helper()
	if response.Status/100 != 2 {
		t.Fatalf("a valid request got %d: %s", response.Status, response.Body)
	}
}

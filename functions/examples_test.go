package functions_test

import (
	"bytes"
	"encoding/json"
	"maps"
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
	// part returns the id of the part of that resource which is in the path, too.
	part func(t testing.TB, s *functiontest.Server, resource uuid.UUID) uuid.UUID
	// body returns a new body with every field.
	body func(t testing.TB, s *functiontest.Server, owner account) object
	// lines is a body that is not JSON, and media is its media type.
	lines, media string
	// path is the path of a function whose path has no id. header returns the headers of a
	// body that is signed.
	path   string
	header func(body string) map[string]string
	// query has a valid value of each query parameter other than those of pagination, and
	// invalid has queries with an invalid value.
	query   map[string]string
	invalid []string
	// paged marks a list with pagination.
	paged bool
	// prepare changes the account of the caller before each request.
	prepare func(t testing.TB, s *functiontest.Server, by account)
	// signedIn requires the token of a login: the function refuses callers without one.
	signedIn bool
}

// examples has the examples of functions for which deriveExample is not enough: those with
// unique or secret values, queries to refuse, or bodies that are not JSON.
var examples = map[string]example{
	"product-create": {body: productBody},
	"product-list":   {paged: true, query: map[string]string{"q": "tea", "category": "tea", "minPrice": "1", "maxPrice": "9000", "inStock": "true", "orderBy": "price"}, invalid: []string{"minPrice=-1", "minPrice=cheap", "maxPrice=99999999999999999999", "minPrice=2&maxPrice=1", "inStock=perhaps", "orderBy=colour", "orderBy=relevance", "q=" + long}},
	"product-facets": {query: map[string]string{"q": "tea", "category": "tea", "minPrice": "1", "maxPrice": "9000", "inStock": "true"}, invalid: []string{"minPrice=-1", "minPrice=2&maxPrice=1", "inStock=perhaps", "orderBy=price", "q=" + long}},
	"product-search": {paged: true, query: map[string]string{"q": "tea", "category": "tea", "minPrice": "1", "maxPrice": "9000", "inStock": "true", "orderBy": "price", "status": "archived", "lowStock": "true", "sku": "TEA", "skuPrefix": "TEA-"}, invalid: []string{"status=lost", "lowStock=perhaps", "sku=TEA&skuPrefix=T", "sku=TEA&q=tea", "skuPrefix=T&status=archived", "skuPrefix=T&orderBy=name", "orderBy=relevance", "sku=" + long}},
	"product-import": {media: "application/x-ndjson", lines: `{"sku":"LINE-1","name":"Line","price":{"amount":1,"currency":"EUR"}}` + "\n", query: map[string]string{"importId": "0199c0de-0000-7000-8000-00000000f11e"}, invalid: []string{"importId=monday"}},
	"product-export": {query: map[string]string{"format": "csv"}, invalid: []string{"format=xml"}},

	"order-place":       {body: orderBody},
	"checkout-create":   {body: checkoutBody},
	"checkout-update":   {create: createCheckout, body: checkoutChange},
	"checkout-complete": {create: createCheckout, body: fixedBody(object{"version": 1, "total": fixtures.Price(2 * 1299)})},
	"shipment-create":   {create: createOrderOfSample("stock-reserved"), body: shipmentBody},
	"return-create":     {create: createOrderOfSample("stock-reserved", "/ship"), body: returnBody},
	"return-cancel":     {create: createReturned, part: readReturn},
	"return-receive":    {create: createReturned, part: readReturn, body: fixedBody(object{"lines": []any{receivedLine()}, "refund": true, "refundShipping?": true})},
	"order-list": {paged: true, query: map[string]string{
		"q": "tea", "status": "pending,confirmed", "createdFrom": "2026-01-01T00:00:00Z", "createdTo": "2126-01-01T00:00:00Z", "updatedFrom": "2026-01-01T00:00:00Z", "updatedTo": "2126-01-01T00:00:00Z",
		"minTotal": "0", "maxTotal": "9007199254740991", "currency": "EUR", "product": "0199c0de-0000-7000-8000-000000000001", "orderBy": "-updatedAt",
	}, invalid: []string{
		"status=lost", "status=pending,lost", "userId=me", "customer=me", "product=tea", "createdFrom=monday", "updatedTo=2026-13-01T00:00:00Z", "minTotal=-1", "minTotal=2&maxTotal=1&currency=EUR",
		"maxTotal=5", "orderBy=total", "orderBy=number", "currency=euro", "q=" + long,
	}},

	"order-note-update": {create: createOrder(), part: createOrderNote, body: fixedBody(object{"text?": "Asked for delivery after 6 p.m."})},
	"order-note-delete": {create: createOrder(), part: createOrderNote},
	"user-note-update":  {create: createAccount, part: createUserNote, body: fixedBody(object{"text?": "Asked for delivery after 6 p.m."})},
	"user-note-delete":  {create: createAccount, part: createUserNote},

	"shop-settings-update": {body: fixedBody(shopSettings())},
	"discount-create":      {body: discountBody},
	"discount-update":      {create: createDiscount, body: fixedBody(discountTerms())},
	"payment-get":          {create: createPayment},
	"payment-webhook":      {path: webhookPath, media: "application/json", lines: otherCallback, header: signCallback},
	"refund-create":        {create: createPaid, body: refundBody},
	"invoice-list":         {create: createOrderCopy, paged: true},
	"invoice-get":          {create: createInvoice},

	"webhook-create":        {body: webhookBody},
	"webhook-update":        {create: createWebhook, body: fixedBody(object{"url?": "https://example.com/new", "eventTypes?": []any{"order.placed"}, "description?": "Shop", "status?": "enabled"})},
	"webhook-delivery-list": {create: createWebhook, paged: true, query: map[string]string{"state": "failed"}, invalid: []string{"state=lost"}},
	"webhook-attempt-list":  {create: createWebhook, part: createDelivery, paged: true},
	"webhook-resend":        {create: createFailedDelivery, body: fixedBody(object{"from?": "2026-01-01T00:00:00Z", "until?": "2026-01-02T00:00:00Z", "state?": "failed"})},
	"order-trail":           trailExample,
	"product-trail":         trailExample,
	"payment-trail":         trailExample,
	"user-trail":            trailExample,
	"webhook-trail":         trailExample,

	"user-register":          {body: registrationBody},
	"email-verify":           {body: verificationBody},
	"password-reset-request": {body: resetRequestBody},
	"password-reset":         {body: resetBody},
	"email-change":           {body: emailChangeBody, signedIn: true},
	"email-confirm":          {body: emailConfirmBody, signedIn: true},
	"email-revert":           {body: emailRevertBody},
	"user-delete":            {signedIn: true},
	"role-create":            {body: roleBody},
	"password-change":        {signedIn: true, body: fixedBody(fixtures.PasswordChange(fixtures.Password, fixtures.Password))},
	"session-create":         {body: loginBody},
	"session-refresh":        {body: refreshBody},
	"session-confirm":        {body: sessionConfirmBody},
	"second-factor-delete":   {create: createTOTP, signedIn: true},
	"second-factor-reset":    {create: createEnrolledAccount},
	"totp-create":            {signedIn: true},
	"totp-confirm":           {body: totpConfirmBody, signedIn: true},
	"recovery-code-create":   {prepare: markEnrolled, signedIn: true},
	"passkey-challenge":      {body: fixedBody(object{"purpose": "sign-in"})},
	"passkey-create":         {body: passkeyBody, signedIn: true},
}

// trailExample is the example of a list of changes.
var trailExample = example{
	paged: true,
	query: map[string]string{
		"resource": "order", "resourceId": missingID.String(), "actor": "staff", "actorId": missingID.String(), "operation": "order-ship",
		"from": "2026-11-01T00:00:00Z", "to": "2026-12-01T00:00:00Z",
	},
	invalid: []string{"actor=visitor", "resourceId=first", "actorId=me", "from=yesterday", "to=1", "operation=" + long},
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
	if e.path != "" {
		r.Path = e.path
	}
	if e.prepare != nil {
		e.prepare(t, s, by)
	}
	if e.create != nil {
		id := e.create(t, s, by)
		if r.Path = fillPath(r.Path, id); e.part != nil {
			r.Path = fillPath(r.Path, e.part(t, s, id))
		}
	}
	if r.Method == http.MethodPut || r.Method == http.MethodPatch || r.Method == http.MethodDelete {
		r.Header["If-Match"] = "*"
	}
	switch {
	case e.body != nil:
		r.Body = expand(e.body(t, s, by), true)
	case e.lines != "":
		r.Body, r.Header["Content-Type"] = e.lines, e.media
	}
	if e.header != nil {
		maps.Copy(r.Header, e.header(e.lines))
	}
	return r
}

// fillPath returns a path with an id in place of its first wildcard.
func fillPath(path string, id uuid.UUID) string {
	before, wildcard, _ := strings.Cut(path, "{")
	_, after, _ := strings.Cut(wildcard, "}")
	return before + id.String() + after
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
		if (e.create != nil || e.path != "") != strings.Contains(f.Path(), "{") {
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

package functions_test

import (
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// deriveExample returns the example of a function that is not in examples, from its
// documentation: the body and the parameters are those of openapi.yaml. No client calls a
// function without a route, so that it has none.
func deriveExample(t testing.TB, f manifest.Function) example {
	t.Helper()
	if f.HTTP == "" {
		return example{}
	}
	d, err := openAPI()
	if err != nil {
		t.Fatal(err)
	}
	operation := d.Paths.Find(f.Path()).GetOperation(f.Method())
	e := example{create: creator(f), query: map[string]string{}}
	if operation.RequestBody != nil {
		if media := operation.RequestBody.Value.Content["application/json"]; media != nil {
			body, _ := markBySchema(media.Example, media.Schema.Value).(object)
			e.body = fixedBody(body)
		}
	}
	for _, parameter := range operation.Parameters {
		switch p := parameter.Value; {
		case p.In != openapi3.ParameterInQuery:
		case p.Name == "pageToken" || p.Name == "pageSize":
			e.paged = true
		default:
			examples := p.Schema.Value.Examples
			if len(examples) == 0 {
				t.Fatalf("%s: the query parameter %s has no example", f.Name, p.Name)
			}
			e.query[p.Name] = fmt.Sprint(examples[0])
		}
	}
	return e
}

// markBySchema returns an example with a question mark after the names of optional fields.
func markBySchema(value any, schema *openapi3.Schema) any {
	switch v := value.(type) {
	case object:
		marked := object{}
		for name, field := range v {
			rules := schema.Properties[name]
			if rules == nil {
				rules = schema.AdditionalProperties.Schema
			}
			if !slices.Contains(schema.Required, name) {
				name += "?"
			}
			marked[name] = markBySchema(field, rules.Value)
		}
		return marked
	case []any:
		marked := make([]any, len(v))
		for i := range v {
			marked[i] = markBySchema(v[i], schema.Items.Value)
		}
		return marked
	case float64:
		if v == math.Trunc(v) {
			return int(v)
		}
	}
	return value
}

// creator returns the function that creates the resource of a path, or nil.
func creator(f manifest.Function) func(testing.TB, *functiontest.Server, account) uuid.UUID {
	resource, _, _ := strings.Cut(f.Path(), "/{")
	switch {
	case resource == f.Path():
		return nil
	case resource == "/v1/products":
		return createProduct
	case resource == "/v1/orders":
		return createOrderFor(f)
	case resource == "/v1/checkouts":
		return createCheckout
	case resource == "/v1/discounts":
		return createDiscount
	case resource == "/v1/webhooks":
		return createWebhook
	case resource == "/v1/users":
		return createAccount
	case resource == "/v1/roles":
		return createRole
	case resource == "/v1/keys":
		return createKey
	case resource == "/v1/users/me/addresses":
		return createAddress
	}
	return func(t testing.TB, _ *functiontest.Server, _ account) uuid.UUID {
		t.Helper()
		t.Fatalf("%s: add an example of %s (functions/examples_test.go)", f.Name, resource)
		return uuid.Nil
	}
}

// orderSteps lead an order from its placing to its end.
var orderSteps = []string{"stock-reserved", "/ship", "/deliver"}

// stepsBefore has the number of orderSteps before the first status in which a function
// accepts an order, by the function's name.
var stepsBefore sync.Map

// createOrderFor returns a function that places an order and advances it until the given
// function accepts it.
func createOrderFor(f manifest.Function) func(testing.TB, *functiontest.Server, account) uuid.UUID {
	return func(t testing.TB, s *functiontest.Server, owner account) uuid.UUID {
		t.Helper()
		if steps, ok := stepsBefore.Load(f.Name); ok {
			return createOrder(orderSteps[:steps.(int)]...)(t, s, owner)
		}
		for steps := range len(orderSteps) + 1 {
			e := deriveExample(t, f)
			e.create = createOrder(orderSteps[:steps]...)
			request := requestOf(t, s, f, e, owner)
			request.Token = cmp.Or(request.Token, s.Tokens.Admin(t)) // of a guest's order, too
			response := s.Do(t, request)
			if response.Status != http.StatusConflict {
				requireSuccess(t, response)
				stepsBefore.Store(f.Name, steps)
				return createOrder(orderSteps[:steps]...)(t, s, owner)
			}
		}
		t.Fatalf("%s accepts no order after any of %v", f.Name, orderSteps)
		return uuid.Nil
	}
}

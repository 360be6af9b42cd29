package functions_test

import (
	"os"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"souk/shared/manifest"
)

func mustCompileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open("functions.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	document, err := jsonschema.UnmarshalJSON(file)
	if err != nil {
		t.Fatalf("read functions.schema.json: %v", err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	if err := compiler.AddResource("functions.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("functions.schema.json")
	if err != nil {
		t.Fatalf("functions.schema.json is not a JSON Schema: %v", err)
	}
	return schema
}

func validate(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	var document any
	if err := yaml.Unmarshal([]byte(text), &document); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return schema.Validate(document)
}

const (
	goodDelivery = "{ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}"
	goodScaling  = `scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
`
	goodRoute    = "{name: order-get, service: order, http: GET /v1/orders, access: user, publishes: [order-seen], secrets: [AUTH_SIGNING_KEYS]}"
	goodEvent    = "{name: order-track, service: order, events: [order-seen, order-created], publishes: [order-tracked], filter: {payment: required}}"
	goodSchedule = `{name: order-outbox, service: order, schedule: "*/5 0-6 * * 1,2"}`
)

func document(delivery string, functions ...string) string {
	return "delivery: " + delivery + "\n" + goodScaling + "functions:\n  - " + strings.Join(functions, "\n  - ") + "\n"
}

func restricting(column string) string {
	return document(goodDelivery, goodRoute) + "restrictedColumns:\n  - " + column + "\n"
}

// replace replaces a part of an example that must occur once.
func replace(t *testing.T, example, old, replacement string) string {
	t.Helper()
	if strings.Count(example, old) != 1 {
		t.Fatalf("%q does not occur once in %s", old, example)
	}
	return strings.Replace(example, old, replacement, 1)
}

func TestSchema(t *testing.T) {
	t.Parallel()
	schema := mustCompileSchema(t)

	t.Run("it accepts functions.yaml", func(t *testing.T) {
		t.Parallel()
		if err := validate(t, schema, mustReadManifest(t)); err != nil {
			t.Error(err)
		}
	})

	t.Run("it accepts valid examples", func(t *testing.T) {
		t.Parallel()
		if err := validate(t, schema, document(goodDelivery, goodRoute, goodEvent, goodSchedule)); err != nil {
			t.Error(err)
		}
		for _, p := range manifest.AllPermissions().List() {
			if err := validate(t, schema, document(goodDelivery, replace(t, goodRoute, "user", string(manifest.Staff(p))))); err != nil {
				t.Error(err)
			}
			if err := validate(t, schema, document(goodDelivery, replace(t, goodRoute, "user", "user, others: "+string(p)))); err != nil {
				t.Error(err)
			}
		}
		if err := validate(t, schema, restricting("{service: order, table: session, column: token_hash, read: [order-get], write: [order-place]}")); err != nil {
			t.Error(err)
		}
	})

	for name, text := range map[string]string{
		"a list":                                "[]",
		"an empty file":                         "",
		"an unknown section":                    document(goodDelivery, goodRoute) + "gateways: []\n",
		"no delivery":                           replace(t, document(goodDelivery, goodRoute), "delivery: "+goodDelivery, ""),
		"no functions":                          "delivery: " + goodDelivery + "\n" + goodScaling,
		"an empty list":                         "delivery: " + goodDelivery + "\n" + goodScaling + "functions: []",
		"functions of a mapping":                "delivery: " + goodDelivery + "\n" + goodScaling + "functions: {a: b}",
		"a function in a string":                document(goodDelivery, "order-get"),
		"no scaling":                            replace(t, document(goodDelivery, goodRoute), goodScaling, ""),
		"scaling without push":                  replace(t, document(goodDelivery, goodRoute), ", push: *s}, service", "}, service"),
		"scaling of one size":                   replace(t, document(goodDelivery, goodRoute), ", service: {http: *s, push: *s}", ""),
		"scaling without a size":                replace(t, document(goodDelivery, goodRoute), `memory: 256Mi, `, ""),
		"memory without a unit":                 replace(t, document(goodDelivery, goodRoute), `256Mi`, "256"),
		"no concurrency":                        replace(t, document(goodDelivery, goodRoute), `concurrency: 40`, "concurrency: 0"),
		"an empty scaling":                      document(goodDelivery, replace(t, goodRoute, "access: user", "access: user, scaling: {}")),
		"scaling by another name":               document(goodDelivery, replace(t, goodRoute, "access: user", "access: user, scaling: {instances: 2}")),
		"a restricted column without a table":   restricting("{service: order, column: token_hash}"),
		"a restricted column without a name":    restricting("{service: order, table: session}"),
		"a restricted column with a typo":       restricting("{service: order, table: session, column: token_hash, reads: [order-get]}"),
		"a restricted column of odd characters": restricting("{service: order, table: session, column: token hash}"),
		"an empty list of readers":              restricting("{service: order, table: session, column: token_hash, read: []}"),
	} {
		t.Run("it refuses "+name, func(t *testing.T) {
			t.Parallel()
			if err := validate(t, schema, text); err == nil {
				t.Errorf("accepted %s", text)
			}
		})
	}

	for _, change := range []struct{ name, example, old, new string }{
		{"delivery without an ack deadline", goodDelivery, "ackDeadline: 30s, ", ""},
		{"delivery without a shortest backoff", goodDelivery, "minBackoff: 1s, ", ""},
		{"delivery without a longest backoff", goodDelivery, "maxBackoff: 600s, ", ""},
		{"delivery without attempts", goodDelivery, ", maxDeliveryAttempts: 20", ""},
		{"delivery with an unknown field", goodDelivery, "20}", "20, ordering: true}"},
		{"an ack deadline without a unit", goodDelivery, "30s", "30"},
		{"an ack deadline in minutes", goodDelivery, "30s", "1m"},
		{"an ack deadline below 10 s", goodDelivery, "30s", "9s"},
		{"an ack deadline above 600 s", goodDelivery, "30s", "601s"},
		{"a backoff of 0 s", goodDelivery, "minBackoff: 1s", "minBackoff: 0s"},
		{"a backoff above 600 s", goodDelivery, "600s", "601s"},
		{"too few attempts", goodDelivery, "20", "4"},
		{"too many attempts", goodDelivery, "20", "101"},
		{"a fraction of an attempt", goodDelivery, "20", "20.5"},
	} {
		t.Run("it refuses "+change.name, func(t *testing.T) {
			t.Parallel()
			if text := document(replace(t, change.example, change.old, change.new), goodRoute); validate(t, schema, text) == nil {
				t.Errorf("accepted %s", text)
			}
		})
	}

	for _, change := range []struct{ name, example, old, new string }{
		{"a function without a name", goodRoute, "name: order-get, ", ""},
		{"a function without a service", goodRoute, "service: order, ", ""},
		{"a function with an unknown field", goodRoute, "access: user", "access: user, memory: 512Mi"},
		{"a name in camel case", goodRoute, "order-get", "orderGet"},
		{"a name that begins with a digit", goodRoute, "order-get", "2nd-order"},
		{"a name with two hyphens in a row", goodRoute, "order-get", "order--get"},
		{"a name longer than Cloud Run allows", goodRoute, "order-get", strings.Repeat("a", 50)},
		{"a service with a bad name", goodRoute, "service: order", "service: my-order"},
		{"a route without a method", goodRoute, "GET /v1/orders", "/v1/orders"},
		{"a route with an unknown method", goodRoute, "GET ", "FETCH "},
		{"a route without a path", goodRoute, "GET /v1/orders", "GET"},
		{"a route with a space in it", goodRoute, "/v1/orders", "/v1/my orders"},
		{"a route without a rule", goodRoute, ", access: user", ""},
		{"an unknown rule", goodRoute, "access: user", "access: customer"},
		{"the rule of a former release", goodRoute, "access: user", "access: admin"},
		{"an unknown permission", goodRoute, "access: user", "access: staff(orders.burn)"},
		{"an unknown permission for others", goodRoute, "access: user", "access: user, others: orders.burn"},
		{"a route with a filter", goodRoute, "access: user", "access: user, filter: {payment: required}"},
		{"an empty filter", goodEvent, "filter: {payment: required}", "filter: {}"},
		{"a filter by a reserved attribute", goodEvent, "payment: required", "googId: x"},
		{"a filter of another type", goodEvent, "payment: required", "payment: true"},
		{"a route with events", goodRoute, "access: user", "access: user, events: [order-created]"},
		{"a route with a schedule", goodRoute, "access: user", `access: user, schedule: "* * * * *"`},
		{"a secret that is not an environment variable", goodRoute, "AUTH_SIGNING_KEYS", "signing-keys"},
		{"the database's login, which is not listed here", goodRoute, "AUTH_SIGNING_KEYS", "DATABASE_URL"},
		{"an empty list of secrets", goodRoute, "[AUTH_SIGNING_KEYS]", "[]"},
		{"a secret named twice", goodRoute, "[AUTH_SIGNING_KEYS]", "[AUTH_SIGNING_KEYS, AUTH_SIGNING_KEYS]"},
		{"an empty list of events to publish", goodRoute, "[order-seen]", "[]"},
		{"an event published twice", goodRoute, "[order-seen]", "[order-seen, order-seen]"},
		{"a published event whose name is not a topic", goodRoute, "[order-seen]", "[OrderSeen]"},
		{"an empty list of subscribed events", goodEvent, "[order-seen, order-created]", "[]"},
		{"an event subscribed to twice", goodEvent, "[order-seen, order-created]", "[order-seen, order-seen]"},
		{"a subscribed event whose name is not a topic", goodEvent, "order-created", "order made"},
		{"an event function with a rule", goodEvent, "service: order", "service: order, access: staff(orders.read)"},
		{"an event function with a schedule", goodEvent, "service: order", `service: order, schedule: "* * * * *"`},
		{"a scheduled function with a rule", goodSchedule, "service: order", "service: order, access: staff(orders.read)"},
		{"a schedule of four fields", goodSchedule, "*/5 0-6 * * 1,2", "* * * *"},
		{"a schedule of six fields", goodSchedule, "*/5 0-6 * * 1,2", "* * * * * *"},
		{"a function without a trigger", goodSchedule, `, schedule: "*/5 0-6 * * 1,2"`, ""},
	} {
		t.Run("it refuses "+change.name, func(t *testing.T) {
			t.Parallel()
			if text := document(goodDelivery, replace(t, change.example, change.old, change.new)); validate(t, schema, text) == nil {
				t.Errorf("accepted %s", text)
			}
		})
	}
}

package manifest_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"souk/shared/manifest"
	"souk/shared/manifest/manifestfile"
)

const (
	delivery = "delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}\n" + scaling
	scaling  = `scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
`
)

const shop = delivery + `
functions:
  - {name: thing-make, service: thing, http: POST /v1/things, access: staff(products.write), publishes: [thing-made]}
  - {name: thing-get, service: thing, http: "GET /v1/things/{id}", access: anyone}
  - {name: copy-keep, service: copy, events: [thing-made], publishes: [copy-made]}
  - {name: copy-outbox, service: copy, schedule: "* * * * *"}
`

func mustParse(t *testing.T, text string) *manifest.Manifest {
	t.Helper()
	m, err := manifestfile.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestManifest(t *testing.T) {
	t.Parallel()
	m := mustParse(t, shop)

	t.Run("has the content of the text", func(t *testing.T) {
		t.Parallel()
		want := manifest.Delivery{AckDeadline: 30 * time.Second, MinBackoff: time.Second, MaxBackoff: 10 * time.Minute, MaxDeliveryAttempts: 20}
		if diff := cmp.Diff(want, m.Delivery); diff != "" {
			t.Errorf("delivery (-want +got):\n%s", diff)
		}
		f, known := m.Function("thing-get")
		if !known || f.Service != "thing" || f.Access != manifest.Anyone || f.Method() != "GET" || f.Path() != "/v1/things/{id}" {
			t.Errorf("thing-get is %+v, %t", f, known)
		}
		if f, known := m.Function("thing-got"); known {
			t.Errorf("there is a thing-got: %+v", f)
		}
	})

	t.Run("returns services, their functions and topics", func(t *testing.T) {
		t.Parallel()
		if diff := cmp.Diff([]string{"thing", "copy"}, m.Services()); diff != "" {
			t.Errorf("services (-want +got):\n%s", diff)
		}
		if got := m.FunctionsOf("copy"); len(got) != 2 || got[0].Name != "copy-keep" || got[1].Name != "copy-outbox" {
			t.Errorf("the functions of copy are %+v", got)
		}
		if diff := cmp.Diff([]string{"copy-made", "copy-outbox", "thing-made"}, m.Topics()); diff != "" {
			t.Errorf("topics (-want +got):\n%s", diff)
		}
	})

	t.Run("names the topics, subscriptions and dead-letter topics of a function", func(t *testing.T) {
		t.Parallel()
		for name, want := range map[string][]string{
			"thing-make": nil, "copy-keep": {"thing-made"}, "copy-outbox": {"copy-outbox"},
		} {
			if f, _ := m.Function(name); !slices.Equal(f.Topics(), want) {
				t.Errorf("%s is triggered by %v, want %v", name, f.Topics(), want)
			}
		}
		f, _ := m.Function("copy-keep")
		if got := f.Subscription("thing-made"); got != "copy-keep.thing-made" {
			t.Errorf("the subscription is %s", got)
		}
		if got := f.DeadLetterTopic("thing-made"); got != "copy-keep.thing-made.dead-letter" {
			t.Errorf("the dead-letter topic is %s", got)
		}
		if f.Method() != "" || f.Path() != "" {
			t.Errorf("an event function has the route %q %q", f.Method(), f.Path())
		}
	})
}

func TestParseNamesTheProblem(t *testing.T) {
	t.Parallel()
	const ok = "functions:\n  - {name: a, service: s, http: GET /a, access: anyone}\n"
	for name, test := range map[string]struct{ text, fault string }{
		"of a function with the name of a service": {delivery + "functions: [{name: thing, service: thing, http: GET /v1/things, access: user}]", "is the name of a service"},
		"of text that is no YAML":                  {"\t{", "read the list of functions"},
		"of no text":                               {"", "scaling.function.http is required"},
		"of an unknown field":                      {delivery + ok + "gateways: []\n", "gateways"},
		"of a field of an entry":                   {delivery + "functions: [{name: a, service: s, http: GET /a, access: anyone, memory: 1}]", "memory"},
		"of a missing delivery":                    {ok, "delivery: need an ackDeadline of 10s to 600s, got 0s"},
		"of an ack deadline":                       {strings.Replace(delivery, "30s", "9s", 1) + ok, "ackDeadline"},
		"of a missing scaling":                     {strings.Replace(delivery, scaling, "", 1) + ok, "scaling.function.http is required"},
		"of a scaling of one kind":                 {strings.Replace(delivery, ", push: *s}, service", "}, service", 1) + ok, "scaling.function.push is required"},
		"of a concurrency":                         {strings.Replace(delivery, "concurrency: 40", "concurrency: 1001", 1) + ok, "scaling.function.http: need scaling with a concurrency"},
		"of memory without a unit":                 {strings.Replace(delivery, "256Mi", "256", 1) + ok, "scaling.function.http: need scaling with a memory"},
		"of a CPU":                                 {strings.Replace(delivery, `cpu: "1"`, "cpu: some", 1) + ok, "scaling.function.http: need scaling with a cpu"},
		"of a minimum above the maximum":           {strings.Replace(delivery, "minInstances: 0", "minInstances: 4", 1) + ok, "minInstances <= maxInstances"},
		"of no instances":                          {strings.Replace(delivery, "maxInstances: 3", "maxInstances: 0", 1) + ok, "maxInstances of 1 to 1000"},
		"of no connections":                        {strings.Replace(delivery, "pool: 2", "pool: 0", 1) + ok, "a pool of 1 to 1000"},
		"of a function's memory":                   {entry("name: a, service: s, http: GET /a, access: anyone, scaling: {memory: 64Mi}"), "a: need scaling with a memory of 128Mi"},
		"of a maxBody below the minimum":           {entry("name: a, service: s, http: POST /a, access: anyone, maxBody: 1023"), "a: maxBody is for http functions, and from 1024"},
		"of a backoff that shrinks":                {strings.Replace(delivery, "600s", "500ms", 1) + ok, "minBackoff <= maxBackoff"},
		"of a backoff that is too long":            {strings.Replace(delivery, "600s", "601s", 1) + ok, "maxBackoff of at most 600s"},
		"of too few attempts":                      {strings.Replace(delivery, "20", "4", 1) + ok, "maxDeliveryAttempts"},
		"of too many attempts":                     {strings.Replace(delivery, "20", "101", 1) + ok, "maxDeliveryAttempts"},
		"of a route without a rule":                {entry("name: a, service: s, http: GET /a"), `a: route "GET /a" has no authorization rule`},
		"of an unknown rule":                       {entry("name: a, service: s, http: GET /a, access: everyone"), `a: route "GET /a" has no authorization rule`},
		"of the rule of a former release":          {entry("name: a, service: s, http: GET /a, access: admin"), `a: route "GET /a" has no authorization rule`},
		"of an unknown permission":                 {entry("name: a, service: s, http: GET /a, access: staff(orders.burn)"), `with one of products.read`},
		"of an unknown permission for others":      {entry("name: a, service: s, http: GET /a, access: user, others: orders.burn"), "a: others is one of products.read"},
		"of others of a function for staff":        {entry("name: a, service: s, http: GET /a, access: staff(orders.read), others: orders.read"), "a: others is one of"},
		"of a checkout without its keys":           {entry("name: a, service: s, http: GET /a, access: checkout"), "a: access checkout needs the secret CHECKOUT_TOKEN_KEYS"},
		"of optional tokens of users":              {entry("name: a, service: s, http: GET /a, access: user, authentication: optional"), "a: authentication is optional, and for functions that anyone may call"},
		"of cached reads with tokens":              {entry("name: a, service: s, http: GET /a, access: anyone, authentication: optional, cache: {maxAge: 5s}"), "a: authentication is optional"},
		"of unknown authentication":                {entry("name: a, service: s, http: GET /a, access: anyone, authentication: required"), "a: authentication is optional"},
		"of a rule of an event function":           {entry("name: a, service: s, events: [e], access: staff(products.write), publishes: [e]"), "a: access is for http functions"},
		"of a rule of a schedule":                  {entry(`name: a, service: s, schedule: "* * * * *", access: anyone`), "a: access is for http functions"},
		"of a filter of a route":                   {entry("name: a, service: s, http: GET /a, access: user, filter: {payment: required}"), "a: filter is for functions that events trigger"},
		"of a filter by a reserved attribute":      {entry("name: a, service: s, events: [e], publishes: [e], filter: {googId: x}"), `a: filter googId: "x"`},
		"of a filter's value that needs quotes":    {entry(`name: a, service: s, events: [e], publishes: [e], filter: {id: 'a"b'}`), "a: filter id:"},
		"of a long filter":                         {entry("name: a, service: s, events: [e], publishes: [e], filter: {id: " + strings.Repeat("x", 256) + "}"), "a: filter of 274 bytes"},
		"of no trigger":                            {entry("name: a, service: s"), "a: need exactly one of http, events and schedule, got 0"},
		"of two triggers":                          {entry("name: a, service: s, http: GET /a, access: anyone, events: [e], publishes: [e]"), "a: need exactly one of http, events and schedule, got 2"},
		"of a function without a name":             {entry("service: s, http: GET /a, access: anyone"), "name and service are required"},
		"of a function without a service":          {entry("name: a, http: GET /a, access: anyone"), "a: name and service are required"},
		"of an event without publisher":            {entry("name: a, service: s, events: [e]"), "a: waits for e, which no function publishes"},
		"of a route without a method":              {entry("name: a, service: s, http: /a, access: anyone"), `a: route "/a": need a method and a path`},
		"of a route without a path":                {entry("name: a, service: s, http: GET, access: anyone"), `a: route "GET": need a method and a path`},
		"of a route that is malformed":             {entry(`name: a, service: s, http: "GET /a/{id", access: anyone`), `a: route "GET /a/{id": `},
		"of a route of a host":                     {entry("name: a, service: s, http: GET example.com/a, access: anyone"), "need a method and a path"},
		"of a cache of private responses": {
			entry("name: a, service: s, http: GET /a, access: user, cache: {maxAge: 5s}"), "a: cache is for a GET that anyone may call",
		},
		"of a cache of writes":         {entry("name: a, service: s, http: POST /a, access: anyone, cache: {maxAge: 5s}"), "a: cache is for a GET"},
		"of a cache without maxAge":    {entry("name: a, service: s, http: GET /a, access: anyone, cache: {maxAge: 0s}"), "a: cache needs a maxAge of 1s"},
		"of a cache for too long":      {entry("name: a, service: s, http: GET /a, access: anyone, cache: {maxAge: 599s, staleWhileRevalidate: 2s}"), "at most 10m0s"},
		"of a cache for half a second": {entry("name: a, service: s, http: GET /a, access: anyone, cache: {maxAge: 1500ms}"), "a: cache needs whole seconds, got 1.5s"},
		"of two functions with one name": {
			entry("name: a, service: s, http: GET /a, access: anyone", "name: a, service: s, http: GET /b, access: anyone"),
			"a: name a is already used by a",
		},
		"of two functions with one route": {
			entry("name: a, service: s, http: GET /a, access: anyone", "name: b, service: s, http: GET /a, access: anyone"),
			`b: route "GET /a": GET /a matches the same requests as GET /a`,
		},
		"of two routes that match the same requests": {
			entry(`name: a, service: s, http: "GET /a/{id}", access: anyone`, `name: b, service: s, http: "GET /a/{name}", access: staff(products.write)`),
			`b: route "GET /a/{name}": GET /a/{name} matches the same requests as GET /a/{id}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := manifestfile.Parse([]byte(test.text))
			if err == nil || !strings.Contains(err.Error(), test.fault) {
				t.Errorf("the error is %v, want one that contains %s", err, test.fault)
			}
		})
	}
}

func entry(functions ...string) string {
	text := delivery + "functions:\n"
	for _, f := range functions {
		text += "  - {" + f + "}\n"
	}
	return text
}

func TestParseNamesAllProblems(t *testing.T) {
	t.Parallel()
	_, err := manifestfile.Parse([]byte(`
delivery: {ackDeadline: 1s, minBackoff: 1s, maxBackoff: 1s, maxDeliveryAttempts: 1}
functions:
  - {name: first, service: s, http: GET /a}
  - {name: second, service: s, events: [nothing]}
  - {name: third, service: s}
  - {name: first, service: s, http: GET /a, access: anyone}
`))
	if err == nil {
		t.Fatal("taken")
	}
	for _, want := range []string{
		"ackDeadline", "maxDeliveryAttempts", "first: route \"GET /a\" has no authorization rule", "second: waits for nothing",
		"third: need exactly one of", "first: name first is already used", "first: route \"GET /a\": GET /a matches the same requests",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not contain %q", err, want)
		}
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	for run, want := range map[string]string{
		"jwks":                         "fn-jwks",
		"a-name-of-27-characters-abc":  "fn-a-name-of-27-characters-abc",
		"a-name-of-28-characters-abcd": "fn-a-name-of-28-charact-8714c6",
	} {
		if got := manifest.Account(run); got != want {
			t.Errorf("the account of %s is %s, want %s", run, got, want)
		}
	}
}

func TestScaling(t *testing.T) {
	t.Parallel()
	m := mustParse(t, strings.ReplaceAll(shop, "access: anyone}", "access: anyone, maxBody: 2048, scaling: {concurrency: 4, memory: 1Gi, pool: 5}}"))
	for name, want := range map[string]struct {
		scaling   manifest.Scaling
		goLimit   string
		bodyLimit int64
	}{
		"thing-make": {manifest.Scaling{Concurrency: 40, Memory: "256Mi", CPU: "1", MaxInstances: 3, Pool: 2}, "217MiB", 64 << 10},
		"thing-get":  {manifest.Scaling{Concurrency: 4, Memory: "1Gi", CPU: "1", MaxInstances: 3, Pool: 5}, "870MiB", 2048},
	} {
		f, _ := m.Function(name)
		if got := m.ScalingOf(f); got != want.scaling || got.GoMemLimit() != want.goLimit {
			t.Errorf("%s scales by %+v with %s, want %+v with %s", name, got, got.GoMemLimit(), want.scaling, want.goLimit)
		}
		if got := f.BodyLimit(); got != want.bodyLimit {
			t.Errorf("%s has a body limit of %d, want %d", name, got, want.bodyLimit)
		}
	}
	if f, _ := mustParse(t, shop).Function("thing-get"); f.BodyLimit() != 16<<10 {
		t.Errorf("a function that anyone may call has a body limit of %d, want 16 KiB", f.BodyLimit())
	}
}

func TestWithScaling(t *testing.T) {
	t.Parallel()
	m := mustParse(t, strings.ReplaceAll(shop, "access: anyone}", "access: anyone, scaling: {concurrency: 4}}"))
	one, two, five := 1, 2, 5
	changed, err := m.WithScaling(
		map[manifest.Kind]manifest.ScalingOverride{manifest.KindHTTP: {Concurrency: &two, MaxInstances: &five}},
		map[string]manifest.ScalingOverride{"thing-make": {MinInstances: &one}})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]manifest.Scaling{
		"thing-make": {Concurrency: 2, Memory: "256Mi", CPU: "1", MinInstances: 1, MaxInstances: 5, Pool: 2},
		"thing-get":  {Concurrency: 4, Memory: "256Mi", CPU: "1", MaxInstances: 5, Pool: 2},
	} {
		f, _ := changed.Function(name)
		if got := changed.ScalingOf(f); got != want {
			t.Errorf("%s scales by %+v, want %+v", name, got, want)
		}
		if got := m.ScalingOf(f); got.MaxInstances != 3 {
			t.Errorf("the manifest before has %+v", got)
		}
	}
	_, err = m.WithScaling(
		map[manifest.Kind]manifest.ScalingOverride{"pull": {}},
		map[string]manifest.ScalingOverride{"thing-lose": {}, "thing-get": {MinInstances: &five}})
	for _, want := range []string{`"pull"`, `"thing-lose"`, "thing-get: need scaling with 0 <= minInstances <= maxInstances"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error = %v, want %s in it", err, want)
		}
	}
}

func TestVCPUs(t *testing.T) {
	t.Parallel()
	for cpu, want := range map[string]float64{"1": 1, "8": 8, "500m": 0.5, "80m": 0.08, "": 0, "one": 0} {
		if got := (manifest.Scaling{CPU: cpu}).VCPUs(); got != want {
			t.Errorf("%q is %v vCPUs, want %v", cpu, got, want)
		}
	}
}

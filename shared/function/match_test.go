package function

import (
	"context"
	"errors"
	"strings"
	"testing"

	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/manifest/manifestfile"
)

const list = `
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: thing-get, service: thing, http: "GET /v1/things/{id}", access: anyone, publishes: [thing-made]}
  - {name: thing-keep, service: thing, events: [thing-made]}
  - {name: thing-sweep, service: thing, schedule: "* * * * *"}
`

func get(context.Context, *struct{}) (*struct{}, error)               { return nil, nil }
func keep(context.Context, *database.Tx, event.Event, struct{}) error { return nil }
func sweep(context.Context) error                                     { return nil }
func builder(functions ...Function) FunctionsFunc {
	return func(*Runtime) ([]Function, error) { return functions, nil }
}
func thingGet() Function   { return HTTP("thing-get", get) }
func thingKeep() Function  { return Event("thing-keep", keep) }
func thingSweep() Function { return Schedule("thing-sweep", sweep) }

// TestMatch checks that a service and functions.yaml must have the same functions:
// otherwise the process does not start.
func TestMatch(t *testing.T) {
	t.Parallel()
	broken := errors.New("no signing key")
	for name, test := range map[string]struct {
		build  FunctionsFunc
		target string
		want   []string
	}{
		"accepts a service with the listed functions": {builder(thingGet(), thingKeep(), thingSweep()), "", nil},
		"accepts them in any order":                   {builder(thingSweep(), thingKeep(), thingGet()), "thing-keep", nil},
		"names each function that is listed and missing": {
			builder(thingGet()), "",
			[]string{"function thing-keep is in functions.yaml, but service thing does not implement it", "function thing-sweep is in functions.yaml"},
		},
		"names each function that is not listed": {
			builder(thingGet(), thingKeep(), thingSweep(), HTTP("thing-drop", get), Event("thing-lose", keep)), "",
			[]string{"function thing-drop of service thing is not in functions.yaml", "function thing-lose of service thing is not in functions.yaml"},
		},
		"names the functions of the service for an unknown FUNCTION_TARGET": {
			builder(thingGet(), thingKeep(), thingSweep()), "thing-got",
			[]string{"FUNCTION_TARGET=thing-got: not a function of service thing, which has thing-get, thing-keep, thing-sweep"},
		},
		"refuses an HTTP function that is listed for events":   {builder(thingGet(), HTTP("thing-keep", get), thingSweep()), "", []string{"thing-keep: is an HTTP function"}},
		"refuses an event function that is listed for HTTP":    {builder(Event("thing-get", keep), thingKeep(), thingSweep()), "", []string{"thing-get: is an event function"}},
		"refuses a scheduled function that is listed for HTTP": {builder(Schedule("thing-get", sweep), thingKeep(), thingSweep()), "", []string{"thing-get: is a scheduled function"}},
		"returns the error of a service that cannot be built": {
			func(*Runtime) ([]Function, error) { return nil, broken }, "", []string{"build service thing: no signing key"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, err := manifestfile.Parse([]byte(list))
			if err != nil {
				t.Fatal(err)
			}
			_, err = NewHandler(NewRuntime(Options{Manifest: m, Service: "thing", Target: test.target}), test.build)
			if (err == nil) != (test.want == nil) {
				t.Fatalf("got %v", err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not contain %q", err, want)
				}
			}
		})
	}
}

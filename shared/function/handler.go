package function

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/manifest"
)

// NewHandler returns a new handler of the functions that a process of a runtime serves, each
// on its route.
func NewHandler(runtime *Runtime, build FunctionsFunc) (http.Handler, error) {
	handler, _, err := newHandler(runtime, build)
	return handler, err
}

// newHandler returns what NewHandler does, and the drain of the handler's requests.
func newHandler(runtime *Runtime, build FunctionsFunc) (http.Handler, *drain, error) {
	listed, err := ListedFunctions(runtime, build)
	if err != nil {
		return nil, nil, err
	}
	endpoints, err := newEndpoints(runtime, listed)
	if err != nil {
		return nil, nil, err
	}
	s := &server{Runtime: runtime, drain: newDrain(), coldStart: coldStart{listening: time.Now()}}
	if s.isNotDeployed(endpoints) && !runtime.options.TargetOptional {
		var names []string
		for _, f := range listed {
			names = append(names, f.Entry.Name)
		}
		return nil, nil, fmt.Errorf("FUNCTION_TARGET=%s: not a function of service %s, which has %s",
			runtime.options.Target, runtime.options.Service, strings.Join(names, ", "))
	}
	return s.handler(chain, endpoints), s.drain, nil
}

// endpointDeps holds what the endpoints of a process depend on.
type endpointDeps struct {
	runtime  *Runtime
	delivery manifest.Delivery
	api      huma.API
}

// newEndpoints returns the endpoints of the functions that a process serves, without layers.
func newEndpoints(runtime *Runtime, listed []ListedFunction) ([]endpoint, error) {
	deps := &endpointDeps{runtime: runtime, delivery: runtime.options.Manifest.Delivery, api: NewAPI(schemaName)}
	var endpoints []endpoint
	for _, f := range listed {
		if !runtime.Serves(f.Entry.Name) {
			continue
		}
		if slices.Contains(f.Entry.Secrets, manifest.CheckoutKeys) {
			if err := runtime.CheckoutTokens.Check(); err != nil {
				return nil, fmt.Errorf("serve %s: %w", f.Entry.Name, err)
			}
		}
		e, err := f.Function.newEndpoint(f.Entry, deps)
		if err != nil {
			return nil, err
		}
		endpoints = append(endpoints, e)
	}
	return endpoints, nil
}

// ListedFunction is a function with its entry in functions.yaml.
type ListedFunction struct {
	Entry    manifest.Function
	Function Function
}

// Operation returns the operation of a function that clients call, as huma describes it,
// with its schemas in api. It is for documentation: no request is served by it.
func (f ListedFunction) Operation(api huma.API) (*huma.Operation, error) {
	e, err := f.Function.newEndpoint(f.Entry, &endpointDeps{runtime: &Runtime{}, api: api})
	return e.operation, err
}

// ListedFunctions returns the functions of the runtime's service, in the order in which build
// registers them.
func ListedFunctions(runtime *Runtime, build FunctionsFunc) ([]ListedFunction, error) {
	service := runtime.options.Service
	implemented, err := build(runtime)
	if err != nil {
		return nil, fmt.Errorf("build service %s: %w", service, err)
	}
	return match(runtime.options.Manifest.FunctionsOf(service), implemented, service)
}

// match returns the functions that a service implements with their entries. It fails if a
// function or an entry has no counterpart: a function without an entry has no access rule.
func match(entries []manifest.Function, implemented []Function, service string) ([]ListedFunction, error) {
	var errs []error
	matched := make([]ListedFunction, len(implemented))
	for i, f := range implemented {
		at := slices.IndexFunc(entries, func(entry manifest.Function) bool { return entry.Name == f.Name })
		if at < 0 {
			errs = append(errs, fmt.Errorf("function %s of service %s is not in functions.yaml", f.Name, service))
			continue
		}
		matched[i] = ListedFunction{entries[at], f}
	}
	for _, entry := range entries {
		if !slices.ContainsFunc(implemented, func(f Function) bool { return f.Name == entry.Name }) {
			errs = append(errs, fmt.Errorf("function %s is in functions.yaml, but service %s does not implement it", entry.Name, service))
		}
	}
	return matched, errors.Join(errs...)
}

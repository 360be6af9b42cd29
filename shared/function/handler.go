package function

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/manifest"
)

// NewHandler returns a new handler of the functions that a process of a runtime serves, each
// on its route.
func NewHandler(runtime *Runtime, build Builder) (http.Handler, error) {
	handler, _, err := newHandler(runtime, build)
	return handler, err
}

func newHandler(runtime *Runtime, build Builder) (http.Handler, *drain, error) {
	registered, err := Registrations(runtime, build)
	if err != nil {
		return nil, nil, err
	}
	functions, err := bind(runtime, registered)
	if err != nil {
		return nil, nil, err
	}
	p := &process{Runtime: runtime, drain: newDrain()}
	if p.isAbsent(functions) && !runtime.options.TargetOptional {
		var names []string
		for _, f := range registered {
			names = append(names, f.Entry.Name)
		}
		return nil, nil, fmt.Errorf("FUNCTION_TARGET=%s: not a function of service %s, which has %s",
			runtime.options.Target, runtime.options.Service, strings.Join(names, ", "))
	}
	return p.handler(chain, functions), p.drain, nil
}

// bind returns the endpoints of the functions that a process serves, without layers.
func bind(runtime *Runtime, registered []Registered) ([]endpoint, error) {
	binder := newBinder(runtime)
	var functions []endpoint
	for _, f := range registered {
		if !runtime.Serves(f.Entry.Name) {
			continue
		}
		bound, err := f.Function.bind(f.Entry, binder)
		if err != nil {
			return nil, err
		}
		functions = append(functions, bound)
	}
	return functions, nil
}

// Registered is a function with its entry in the list.
type Registered struct {
	Entry    manifest.Function
	Function Function
}

// Operation returns the operation of a function that clients call, as huma describes it,
// with its schemas in api. It is for documents: no request is served by it.
func (f Registered) Operation(api huma.API) (*huma.Operation, error) {
	bound, err := f.Function.bind(f.Entry, &binder{runtime: &Runtime{}, api: api})
	return bound.operation, err
}

// Registrations returns the functions of the runtime's service, in the order in which build
// registers them.
func Registrations(runtime *Runtime, build Builder) ([]Registered, error) {
	service := runtime.options.Service
	written, err := build(runtime)
	if err != nil {
		return nil, fmt.Errorf("build service %s: %w", service, err)
	}
	return match(runtime.options.List.Of(service), written, service)
}

// match returns the registered functions with their entries. It fails if a function or an
// entry has no counterpart: a function that is not listed has no access rule.
func match(listed []manifest.Function, written []Function, service string) ([]Registered, error) {
	var errs []error
	matched := make([]Registered, len(written))
	for i, f := range written {
		at := slices.IndexFunc(listed, func(entry manifest.Function) bool { return entry.Name == f.Name })
		if at < 0 {
			errs = append(errs, fmt.Errorf("function %s of service %s is not in the list of functions", f.Name, service))
			continue
		}
		matched[i] = Registered{listed[at], f}
	}
	for _, entry := range listed {
		if !slices.ContainsFunc(written, func(f Function) bool { return f.Name == entry.Name }) {
			errs = append(errs, fmt.Errorf("function %s is listed, but service %s does not have it", entry.Name, service))
		}
	}
	return matched, errors.Join(errs...)
}

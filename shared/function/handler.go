package function

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"souk/shared/manifest"
)

// NewHandler returns a new handler of the functions that a process of a runtime serves, each
// on its route.
func NewHandler(runtime *Runtime, build Builder) (http.Handler, error) {
	handler, _, err := newHandler(runtime, build)
	return handler, err
}

func newHandler(runtime *Runtime, build Builder) (http.Handler, *drain, error) {
	service, target := runtime.options.Service, runtime.options.Target
	written, err := build(runtime)
	if err != nil {
		return nil, nil, fmt.Errorf("build service %s: %w", service, err)
	}
	listed, err := match(runtime.options.List.Of(service), written, service)
	if err != nil {
		return nil, nil, err
	}
	functions, err := bind(runtime, listed, written)
	if err != nil {
		return nil, nil, err
	}
	p := &process{Runtime: runtime, drain: newDrain()}
	if p.isAbsent(functions) && !runtime.options.TargetOptional {
		var names []string
		for _, f := range written {
			names = append(names, f.Name)
		}
		return nil, nil, fmt.Errorf("FUNCTION_TARGET=%s: not a function of service %s, which has %s", target, service, strings.Join(names, ", "))
	}
	return p.handler(chain, functions), p.drain, nil
}

// bind returns the endpoints of the functions that a process serves, without layers.
func bind(runtime *Runtime, listed []manifest.Function, written []Function) ([]endpoint, error) {
	binder := newBinder(runtime, runtime.options.List.Delivery)
	var functions []endpoint
	for i, entry := range listed {
		if !runtime.Serves(entry.Name) {
			continue
		}
		bound, err := written[i].bind(entry, binder)
		if err != nil {
			return nil, err
		}
		functions = append(functions, bound)
	}
	return functions, nil
}

// match returns the list's entry for each registered function. It fails if a function or an
// entry has no counterpart: a function that is not listed has no access rule.
func match(listed []manifest.Function, written []Function, service string) ([]manifest.Function, error) {
	var errs []error
	matched := make([]manifest.Function, len(written))
	for i, f := range written {
		at := slices.IndexFunc(listed, func(entry manifest.Function) bool { return entry.Name == f.Name })
		if at < 0 {
			errs = append(errs, fmt.Errorf("function %s of service %s is not in the list of functions", f.Name, service))
			continue
		}
		matched[i] = listed[at]
	}
	for _, entry := range listed {
		if !slices.ContainsFunc(written, func(f Function) bool { return f.Name == entry.Name }) {
			errs = append(errs, fmt.Errorf("function %s is listed, but service %s does not have it", entry.Name, service))
		}
	}
	return matched, errors.Join(errs...)
}

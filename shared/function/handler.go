package function

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"souk/shared/api"
	"souk/shared/health"
	"souk/shared/manifest"
)

// NewHandler returns a new handler of all functions of a service, each on its route, like
// that of a process without FUNCTION_TARGET.
func NewHandler(runtime *Runtime, list *manifest.Manifest, service string, build Builder) (http.Handler, error) {
	handler, _, err := newHandler(runtime, list, service, build)
	return handler, err
}

func newHandler(runtime *Runtime, list *manifest.Manifest, service string, build Builder) (http.Handler, *drain, error) {
	written, err := build(runtime)
	if err != nil {
		return nil, nil, fmt.Errorf("build service %s: %w", service, err)
	}
	listed, err := match(list.Of(service), written, service)
	if err != nil {
		return nil, nil, err
	}
	drain := newDrain()
	binder := newBinder(runtime, list.Delivery)
	router := api.NewRouter()
	var names, publishes []string
	for i, entry := range listed {
		names = append(names, entry.Name)
		if !runtime.Serves(entry.Name) {
			continue
		}
		publishes = append(publishes, entry.Publishes...)
		handler, err := written[i].bind(entry, binder)
		if err != nil {
			return nil, nil, err
		}
		if entry.HTTP != "" {
			handler = runtime.authorize(entry.Access, handler)
		} else {
			handler = runtime.authorizePush(handler)
		}
		router.Handle(Pattern(entry), named(entry, handler))
	}
	var routes http.Handler = router
	if target := runtime.target; target != "" && !slices.Contains(names, target) {
		if !runtime.targetOptional {
			return nil, nil, fmt.Errorf("FUNCTION_TARGET=%s: not a function of service %s, which has %s", target, service, strings.Join(names, ", "))
		}
		routes = absent(target)
	}
	runtime.Outbox.Permit(publishes)
	handler := health.Handler(drain.serve(runtime.locate(routes)))
	if usesDatabase(list, runtime.target) {
		handler = health.Startup(runtime.DB.PingContext, handler)
	}
	return handler, drain, nil
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

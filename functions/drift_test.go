package functions_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"souk/emulators/gateway"
	"souk/functions"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
	"souk/shared/manifest/manifestfile"
)

// checkRegistration returns an error if the functions that a service registers differ
// from those of the manifest.
func checkRegistration(t *testing.T, list *manifest.Manifest, service string) error {
	t.Helper()
	runtime := function.NewRuntime(function.Options{Manifest: list, Service: service, Environment: environment(t), CheckoutTokens: functiontest.NewTokens(t).Checkouts})
	_, err := function.NewHandler(runtime, services[service].Build)
	return err
}

func TestDrift(t *testing.T) {
	t.Parallel()
	list := functions.Manifest()

	t.Run("the manifest lists every service", func(t *testing.T) {
		t.Parallel()
		files, err := filepath.Glob("*/service.go")
		if err != nil {
			t.Fatal(err)
		}
		listed := slices.Sorted(slices.Values(list.Services()))
		var folders, tested []string
		for _, file := range files {
			folders = append(folders, filepath.Dir(file))
		}
		for service := range services {
			tested = append(tested, service)
		}
		slices.Sort(tested)
		if !slices.Equal(folders, listed) || !slices.Equal(tested, listed) {
			t.Errorf("functions.yaml lists %v, the folders are %v, and these tests have %v", listed, folders, tested)
		}
		for _, service := range listed {
			if _, err := os.Stat(filepath.Join(service, "cmd", "main.go")); err != nil {
				t.Errorf("service %s has no command: %v", service, err)
			}
		}
	})

	for _, service := range list.Services() {
		t.Run("the functions of "+service+" are those of the manifest", func(t *testing.T) {
			t.Parallel()
			if err := checkRegistration(t, list, service); err != nil {
				t.Error(err)
			}
		})
		t.Run("a function that "+service+" lacks is found", func(t *testing.T) {
			t.Parallel()
			extra, err := manifestfile.Parse([]byte(mustReadManifest(t) + fmt.Sprintf("  - {name: %s-extra, service: %[1]s, http: GET /v1/extra, access: staff(products.write)}\n", service)))
			if err != nil {
				t.Fatal(err)
			}
			if err := checkRegistration(t, extra, service); err == nil || !strings.Contains(err.Error(), service+"-extra is in functions.yaml, but") {
				t.Errorf("got %v", err)
			}
		})
	}

	for _, f := range list.Functions {
		t.Run("the absence of "+f.Name+" from the manifest is found", func(t *testing.T) {
			t.Parallel()
			lacking := *list
			lacking.Functions = slices.DeleteFunc(slices.Clone(list.Functions), func(other manifest.Function) bool { return other.Name == f.Name })
			if err := checkRegistration(t, &lacking, f.Service); err == nil || !strings.Contains(err.Error(), f.Name+" of service "+f.Service+" is not in functions.yaml") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// startBackends starts a server for each function, and returns their URLs. Each responds
// with the function's name and the request line.
func startBackends(t *testing.T, list *manifest.Manifest) map[string]string {
	t.Helper()
	urls := map[string]string{}
	for _, f := range list.Functions {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, f.Name+" received "+r.Method+" "+r.URL.Path)
		}))
		t.Cleanup(server.Close)
		urls[f.Name] = server.URL
	}
	return urls
}

// examplePath returns a path of the function's route, with an id for each wildcard.
func examplePath(f manifest.Function) string {
	parts := strings.Split(f.Path(), "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			parts[i] = "0199c0de-0000-7000-8000-000000000001"
		}
	}
	return strings.Join(parts, "/")
}

func TestGatewayRoutes(t *testing.T) {
	t.Parallel()
	list := functions.Manifest()
	urls := startBackends(t, list)
	g, err := gateway.New(gateway.Options{Manifest: list, Backend: func(function string) string { return urls[function] }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Close)
	front := httptest.NewServer(g)
	t.Cleanup(front.Close)

	for _, f := range list.Functions {
		if f.HTTP == "" {
			t.Run(f.Name+" is not routed", func(t *testing.T) {
				t.Parallel()
				for _, path := range []string{"/" + f.Name, "/v1/" + f.Name, "/" + f.Name + "/", "//" + f.Name, "/%2e/" + f.Name} {
					response := functiontest.Do(t, front.URL, functiontest.Request{Method: http.MethodPost, Path: path, Body: "{}"})
					response.MustBeProblem(t, http.StatusNotFound, "route_not_found")
				}
			})
			continue
		}
		t.Run(f.HTTP+" is routed to "+f.Name, func(t *testing.T) {
			t.Parallel()
			response := functiontest.Do(t, front.URL, functiontest.Request{Method: f.Method(), Path: examplePath(f)}).MustBe(t, http.StatusOK)
			if want := f.Name + " received " + f.Method() + " " + examplePath(f); string(response.Body) != want {
				t.Errorf("got %q, want %q", response.Body, want)
			}
		})
		t.Run(f.Path()+" accepts the listed methods only", func(t *testing.T) {
			t.Parallel()
			for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
				response := functiontest.Do(t, front.URL, functiontest.Request{Method: method, Path: examplePath(f)})
				if response.Status == http.StatusOK {
					name, _, _ := strings.Cut(string(response.Body), " ")
					if reached, ok := list.Function(name); !ok || reached.Method() != method {
						t.Errorf("%s %s is routed to %s", method, examplePath(f), response.Body)
					}
					continue
				}
				response.MustBeProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
			}
		})
	}
}

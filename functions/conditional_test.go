package functions_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// unconditional lists the functions that change resources without a version, or without regard to it.
var unconditional = []string{"user-role", "password-change", "session-delete", "second-factor-delete", "second-factor-reset"}

// TestConditionalRequests repeats every GET with the ETag of its response, and sends every
// PUT, PATCH and DELETE with an ETag that does not match. The functions of a service are called one after
// the other: a shop has one resource of some kinds, such as its settings.
func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		by := mustCreateCaller(t, s, f)
		r := requestTo(t, s, f, by)
		with := func(name, value string) functiontest.Response {
			conditional := r
			conditional.Header = maps.Clone(r.Header)
			conditional.Header[name] = value
			return s.Do(t, conditional)
		}
		switch r.Method {
		case http.MethodGet:
			tag := s.Do(t, r).MustBe(t, http.StatusOK).Header.Get("ETag")
			if e := mustFindExample(t, f); e.create != nil && !e.paged && tag == "" {
				t.Error("a response with one resource has no ETag")
			}
			if tag == "" {
				return
			}
			for _, same := range []string{tag, "W/" + tag, "*", `"other", ` + tag} {
				response := with("If-None-Match", same).MustBe(t, http.StatusNotModified)
				if len(response.Body) > 0 || response.Header.Get("ETag") != tag {
					t.Errorf("If-None-Match: %s: a 304 with the ETag %s and %d bytes", same, response.Header.Get("ETag"), len(response.Body))
				}
			}
			for _, other := range []string{`"other"`, tag[1:], "W/", `"`} {
				with("If-None-Match", other).MustBe(t, http.StatusOK)
			}
		case http.MethodPut, http.MethodPatch, http.MethodDelete:
			if slices.Contains(unconditional, f.Name) {
				return
			}
			with("If-Match", "").MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
			for _, stale := range []string{`"999"`, `"999", "998"`, `W/"1"`, `""`, `"` + canary + `"`} {
				requireRefusal(t, "If-Match: "+stale, with("If-Match", stale), http.StatusPreconditionFailed)
			}
			for _, garbage := range []string{canary, "1", `"1`, `1"`, `"1" "2"`, "*, *", ",", `"1" ` + canary} {
				problem := requireRefusal(t, "If-Match: "+garbage, with("If-Match", garbage), http.StatusBadRequest)
				if !problem.names("header.If-Match") {
					t.Errorf("%s: no error is at the header: %+v", garbage, problem)
				}
			}
			requireSuccess(t, s.Do(t, r))
		}
	})
}

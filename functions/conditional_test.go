package functions_test

import (
	"maps"
	"net/http"
	"slices"
	"testing"

	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// unconditional are the functions that change what has no version to name.
var unconditional = []string{"session-delete"}

// TestConditionalRequests asks every GET again with what it said of its version,
// and every PATCH and DELETE for another version than there is.
func TestConditionalRequests(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		by := MustEnter(t, s, f)
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
			if MustExample(t, f).on != nil && tag == "" {
				t.Error("shows one thing, and no ETag")
			}
			if tag == "" {
				return
			}
			for _, same := range []string{tag, "W/" + tag, "*", `"other", ` + tag} {
				answer := with("If-None-Match", same).MustBe(t, http.StatusNotModified)
				if len(answer.Body) > 0 || answer.Header.Get("ETag") != tag {
					t.Errorf("If-None-Match: %s: a 304 of ETag %s with %d bytes", same, answer.Header.Get("ETag"), len(answer.Body))
				}
			}
			for _, other := range []string{`"other"`, tag[1:], "W/", `"`} {
				with("If-None-Match", other).MustBe(t, http.StatusOK)
			}
		case http.MethodPatch, http.MethodDelete:
			if slices.Contains(unconditional, f.Name) {
				return
			}
			with("If-Match", "").MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
			for _, stale := range []string{`"999"`, `"999", "998"`, `W/"1"`, `""`, `"` + canary + `"`} {
				mustRefuse(t, "If-Match: "+stale, with("If-Match", stale), http.StatusPreconditionFailed)
			}
			for _, garbage := range []string{canary, "1", `"1`, `1"`, `"1" "2"`, "*, *", ",", `"1" ` + canary} {
				problem := mustRefuse(t, "If-Match: "+garbage, with("If-Match", garbage), http.StatusBadRequest)
				if !problem.names("header.If-Match") {
					t.Errorf("%s: no fault is at the header: %+v", garbage, problem)
				}
			}
			mustSucceed(t, s.Do(t, r))
		}
	})
}

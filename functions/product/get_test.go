package product_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

func TestGet(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.mustCreate(t, fixtures.Product("ASSAM", 3))
	path := "/v1/products/" + p.ID.String()

	t.Run("a matching If-None-Match is a 304", func(t *testing.T) {
		t.Parallel()
		response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Header: map[string]string{"If-None-Match": `"x", ` + p.ETag()}})
		response.MustBe(t, http.StatusNotModified)
		if len(response.Body) != 0 {
			t.Errorf("a 304 has the body %s", response.Body)
		}
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Header: map[string]string{"If-None-Match": `"x"`}}).
			MustBe(t, http.StatusOK)
	})

	t.Run("an unknown id is a 404", func(t *testing.T) {
		t.Parallel()
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/" + uuid.NewString()}).
			MustBeProblem(t, http.StatusNotFound, "product_not_found")
	})

	t.Run("an invalid id and an unknown parameter are a 400", func(t *testing.T) {
		t.Parallel()
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/7"}).
			MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path + "?verbose=1"}).
			MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("an unsupported method is a 405 with Allow", func(t *testing.T) {
		t.Parallel()
		response := s.Do(t, functiontest.Request{Method: http.MethodPut, Path: path})
		response.MustBeProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
		if got, want := response.Header.Get("Allow"), "DELETE, GET, HEAD, PATCH"; got != want {
			t.Errorf("Allow is %q, want %q", got, want)
		}
	})
}

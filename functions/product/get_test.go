package product_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

func TestGet(t *testing.T) {
	t.Parallel()
	s := open(t)
	p := s.mustCreate(t, tea("ASSAM", 3))
	path := "/v1/products/" + p.ID.String()

	t.Run("answers 304 to a caller who has it", func(t *testing.T) {
		t.Parallel()
		answer := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Header: map[string]string{"If-None-Match": `"x", ` + p.ETag()}})
		answer.MustBe(t, http.StatusNotModified)
		if len(answer.Body) != 0 {
			t.Errorf("a 304 has the body %s", answer.Body)
		}
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Header: map[string]string{"If-None-Match": `"x"`}}).
			MustBe(t, http.StatusOK)
	})

	t.Run("answers 404 to an id that no product has", func(t *testing.T) {
		t.Parallel()
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/" + uuid.NewString()}).
			MustBeProblem(t, http.StatusNotFound, "product_not_found")
	})

	t.Run("answers 400 to what is no id, and to a query it does not know", func(t *testing.T) {
		t.Parallel()
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/products/7"}).
			MustBeProblem(t, http.StatusBadRequest, "invalid_request")
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path + "?verbose=1"}).
			MustBeProblem(t, http.StatusBadRequest, "invalid_request")
	})

	t.Run("answers 405 with Allow to a method the path does not take", func(t *testing.T) {
		t.Parallel()
		answer := s.Do(t, functiontest.Request{Method: http.MethodPut, Path: path})
		answer.MustBeProblem(t, http.StatusMethodNotAllowed, "method_not_allowed")
		if got, want := answer.Header.Get("Allow"), "DELETE, GET, HEAD, PATCH"; got != want {
			t.Errorf("Allow is %q, want %q", got, want)
		}
	})
}

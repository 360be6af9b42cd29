package user

import (
	"net/http"
	"testing"
)

func TestDeleteAddress(t *testing.T) {
	t.Parallel()
	s := open(t)
	token := s.mustOwner(t, "ada@example.com")
	deleted, remaining := s.mustCreateAddress(t, token), s.mustCreateAddress(t, token)
	path := "/" + deleted.ID.String()
	s.address(t, token, http.MethodDelete, path, "", nil).MustBeProblem(t, http.StatusPreconditionRequired, "precondition_required")
	s.address(t, token, http.MethodDelete, path, `"2"`, nil).MustBeProblem(t, http.StatusPreconditionFailed, "version_mismatch")
	s.address(t, token, http.MethodDelete, path, `"1"`, nil).MustBe(t, http.StatusNoContent)
	s.address(t, token, http.MethodDelete, path, `"1"`, nil).MustBeProblem(t, http.StatusNotFound, "address_not_found")
	s.address(t, token, http.MethodGet, "/"+remaining.ID.String(), "", nil).MustBe(t, http.StatusOK)
}

package webhook_test

import (
	"net/http"
	"testing"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	created := f.mustCreate(t, "https://example.com/hook", "*")
	f.change(t, http.MethodDelete, created.ID, nil).MustBe(t, http.StatusNoContent)
	f.change(t, http.MethodDelete, created.ID, nil).MustBeProblem(t, http.StatusNotFound, "webhook_not_found")
}

package webhook_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/shared/function/functiontest"
)

func TestGet(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	created := f.mustCreate(t, "https://example.com/hook", "*")
	_, customer := f.Tokens.Customer(t)
	get := functiontest.Request{Method: http.MethodGet, Path: path(created.ID), Token: customer}
	f.Do(t, get).MustBeProblem(t, http.StatusForbidden, "forbidden")
	get.Token, get.Path = f.admin(t), path(uuid.New())
	f.Do(t, get).MustBeProblem(t, http.StatusNotFound, "webhook_not_found")
}

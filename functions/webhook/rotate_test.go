package webhook_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/webhook"
)

func TestRotate(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	created := f.mustCreate(t, "https://example.com/hook", "*")
	var rotated webhook.EndpointSecret
	f.post(t, path(created.ID)+"/rotate", nil).MustBe(t, http.StatusOK).Into(t, &rotated)
	if rotated.Secret == created.Secret || len(rotated.Secret) != len(created.Secret) || rotated.Version != 2 || rotated.PreviousSecretUntil == nil {
		t.Errorf("rotated %+v", rotated)
	}
	f.post(t, path(uuid.New())+"/rotate", nil).MustBeProblem(t, http.StatusNotFound, "webhook_not_found")
}

package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions/webhook"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func TestAttemptList(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "*")
	r.down()
	e := f.mustPublish(t, uuid.New(), 1)
	f.mustPump(t)
	f.mustTick(t, time.Hour)
	attempts := path(created.ID) + "/deliveries/" + e.ID.String() + "/attempts"
	next := attempts + "?pageSize=1"
	for number := range 2 {
		page := get[api.Page[webhook.Attempt]](t, f, next)
		if len(page.Items) != 1 || page.Items[0].Number != number+1 {
			t.Errorf("%s is %+v, want attempt %d", next, page, number+1)
		}
		next = attempts + "?pageSize=1&pageToken=" + page.NextPageToken
	}
	for path, code := range map[string]string{
		path(uuid.New()) + "/deliveries/" + e.ID.String() + "/attempts":       "webhook_not_found",
		path(created.ID) + "/deliveries/" + uuid.New().String() + "/attempts": "delivery_not_found",
	} {
		f.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: f.admin(t)}).MustBeProblem(t, http.StatusNotFound, code)
	}
}

package webhook_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"souk/functions/webhook"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func TestDeliveryList(t *testing.T) {
	t.Parallel()
	f, r := open(t, nil), newReceiver(t)
	created := f.mustSubscribe(t, r, "*")
	var events []uuid.UUID
	for version := range 3 {
		events = append(events, f.mustPublish(t, uuid.New(), version+1).ID)
	}
	for _, filter := range []string{"", "&state=pending"} {
		next := path(created.ID) + "/deliveries?pageSize=1" + filter
		for i := 2; i >= 0; i-- {
			page := get[api.Page[webhook.Delivery]](t, f, next)
			if len(page.Items) != 1 || page.Items[0].EventID != events[i] || page.Items[0].State != webhook.Pending || page.Items[0].NextAttemptAt == nil {
				t.Errorf("%s is %+v, want event %s", next, page, events[i])
			}
			next = path(created.ID) + "/deliveries?pageSize=1" + filter + "&pageToken=" + page.NextPageToken
		}
	}
	f.Do(t, functiontest.Request{Method: http.MethodGet, Path: path(uuid.New()) + "/deliveries", Token: f.admin(t)}).
		MustBeProblem(t, http.StatusNotFound, "webhook_not_found")
}

package webhook_test

import (
	"net/http"
	"testing"

	"souk/functions/webhook"
	"souk/shared/api"
	"souk/shared/function/functiontest"
)

func TestList(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	oldest, newest := f.mustCreate(t, "https://example.com/1", "*"), f.mustCreate(t, "https://example.com/2", "*")
	path := "/v1/webhooks?pageSize=1"
	for _, want := range []webhook.EndpointSecret{newest, oldest} {
		var page api.Page[webhook.Endpoint]
		f.Do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: f.admin(t)}).MustBe(t, http.StatusOK).Into(t, &page)
		if len(page.Items) != 1 || page.Items[0].ID != want.ID {
			t.Errorf("%s is %+v, want %s", path, page, want.URL)
		}
		path = "/v1/webhooks?pageSize=1&pageToken=" + page.NextPageToken
	}
}

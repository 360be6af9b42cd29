package webhook_test

import (
	"net/http"
	"strings"
	"testing"

	"souk/functions/webhook"
	"souk/shared/config"
	"souk/shared/database"
	"souk/shared/function/functiontest"
)

// TestCreate checks that the secret is in the first response only: neither the response that is
// replayed, nor a read, nor the database has it.
func TestCreate(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	request := functiontest.Request{
		Method: http.MethodPost, Path: "/v1/webhooks", Token: f.Tokens.Admin(t), Header: map[string]string{"Idempotency-Key": "once"},
		Body: endpointBody("https://example.com/hook", "order.confirmed", "product.changed"),
	}
	var created, again webhook.EndpointSecret
	f.Do(t, request).MustBe(t, http.StatusCreated).Into(t, &created)
	f.Do(t, request).MustBe(t, http.StatusCreated).Into(t, &again)
	if !strings.HasPrefix(created.Secret, "whsec_") || len(created.Secret) != 50 || again.Secret != "" || again.ID != created.ID {
		t.Fatalf("created %+v, then replayed %+v", created, again)
	}
	if e := f.mustGet(t, created.ID); e.Version != 1 || e.Status != webhook.Enabled || len(e.EventTypes) != 2 || e.URL != created.URL {
		t.Errorf("stored %+v", e)
	}
	for _, column := range []string{"SELECT body FROM idempotency_key", "SELECT sealed_key FROM endpoint"} {
		texts, err := database.Collect(t.Context(), f.DB, database.ScanColumn[string], column)
		if err != nil || len(texts) == 0 {
			t.Fatalf("%s: %q, %v", column, texts, err)
		}
		if secret := strings.TrimPrefix(created.Secret, "whsec_"); strings.Contains(strings.Join(texts, ""), secret) {
			t.Errorf("%s has the secret", column)
		}
	}
}

// TestLimit creates as many endpoints as a shop can have.
func TestLimit(t *testing.T) {
	t.Parallel()
	f := open(t, nil)
	for range 20 {
		f.mustCreate(t, "https://example.com/hook", "*")
	}
	f.create(t, endpointBody("https://example.com/hook", "*")).MustBeProblem(t, http.StatusConflict, "too_many_webhooks")
}

func TestInvalidEndpoints(t *testing.T) {
	t.Parallel()
	f := open(t, config.Environment{"WEBHOOK_LOCAL_TARGETS": "false"})
	for name, c := range map[string]struct {
		url      string
		types    []string
		location string
	}{
		"http":                            {"http://example.com/", []string{"*"}, "body.url"},
		"a loopback address":              {"https://127.0.0.1/", []string{"*"}, "body.url"},
		"a user name":                     {"https://a:b@example.com/", []string{"*"}, "body.url"},
		"another port":                    {"https://example.com:22/", []string{"*"}, "body.url"},
		"no type":                         {"https://example.com/", []string{}, "body.eventTypes"},
		"a type that does not exist":      {"https://example.com/", []string{"order.lost"}, "body.eventTypes[0]"},
		"a type twice":                    {"https://example.com/", []string{"order.placed", "order.placed"}, "body.eventTypes"},
		"all types and one of them":       {"https://example.com/", []string{"*", "order.placed"}, "body.eventTypes"},
		"the type of events that test":    {"https://example.com/", []string{"webhook.test"}, "body.eventTypes[0]"},
		"a type inside the shop, a topic": {"https://example.com/", []string{"order-placed"}, "body.eventTypes[0]"},
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			response := f.create(t, endpointBody(c.url, c.types...))
			response.MustBeProblem(t, http.StatusBadRequest, "invalid_request")
			if !strings.Contains(string(response.Body), `"`+c.location+`"`) {
				t.Errorf("no error at %s: %s", c.location, response.Body)
			}
		})
	}
}

// TestSettings checks what a process refuses to start with.
func TestSettings(t *testing.T) {
	t.Parallel()
	for name, environment := range map[string]config.Environment{
		"a short key":            {"WEBHOOK_SECRET_KEYS": "short"},
		"no key":                 {},
		"local targets in cloud": {"WEBHOOK_SECRET_KEYS": sealingKey, "WEBHOOK_LOCAL_TARGETS": "true", "K_SERVICE": "webhook-create"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			if err := build(environment); err == nil || strings.Contains(err.Error(), "short") {
				t.Errorf("got %v", err)
			}
		})
	}
	if err := build(config.Environment{"WEBHOOK_SECRET_KEYS": sealingKey, "WEBHOOK_LOCAL_TARGETS": "true", "K_SERVICE": "webhook-create", "SOUK_EMULATOR": "1"}); err != nil {
		t.Error(err)
	}
}

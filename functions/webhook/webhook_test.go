package webhook_test

import (
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"souk/functions"
	"souk/functions/webhook"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/config"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// contract checks every response and event of these tests.
var contract = functiontest.NewContract(functions.OpenAPI, functions.Events)

// sealingKey is the key by which the keys of endpoints are encrypted.
var sealingKey = strings.Repeat("k", 32)

// fixture is the webhook service under test, with a clock that the test moves ahead of the
// machine's, by which tokens are signed.
type fixture struct {
	*functiontest.Server

	mu    sync.Mutex
	ahead time.Duration
	// pumped is the number of events webhook-due that were delivered.
	pumped int

	// background is an endpoint whose runs nothing waits for, except runs.
	background uuid.UUID
	runs       sync.WaitGroup
}

func (f *fixture) now() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return clock.System().Add(f.ahead)
}

func (f *fixture) advance(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ahead += d
}

func open(t *testing.T, settings config.Environment, options ...functiontest.Option) *fixture {
	t.Helper()
	f := &fixture{}
	environment := config.Environment{"WEBHOOK_SECRET_KEYS": sealingKey, "WEBHOOK_LOCAL_TARGETS": "true"}
	maps.Copy(environment, settings)
	f.Server = functiontest.Start(t, functions.Manifest(), "webhook", webhook.Functions, webhook.Migrations, environment,
		append(options, functiontest.WithContract(contract), functiontest.WithClock(f.now))...)
	return f
}

// endpointBody returns the body of a request that creates an endpoint.
func endpointBody(url string, types ...string) map[string]any {
	return map[string]any{"url": url, "eventTypes": types, "description": "Warehouse"}
}

func (f *fixture) create(t *testing.T, body map[string]any) functiontest.Response {
	t.Helper()
	return f.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/webhooks", Token: f.admin(t), Body: body})
}

func (f *fixture) mustCreate(t *testing.T, url string, types ...string) webhook.EndpointSecret {
	t.Helper()
	var created webhook.EndpointSecret
	f.create(t, endpointBody(url, types...)).MustBe(t, http.StatusCreated).Into(t, &created)
	return created
}

func path(id uuid.UUID) string { return "/v1/webhooks/" + id.String() }

func (f *fixture) mustGet(t *testing.T, id uuid.UUID) webhook.Endpoint {
	t.Helper()
	var e webhook.Endpoint
	f.Do(t, functiontest.Request{Method: http.MethodGet, Path: path(id), Token: f.admin(t)}).MustBe(t, http.StatusOK).Into(t, &e)
	return e
}

// change sends a PATCH or a DELETE for any version.
func (f *fixture) change(t *testing.T, method string, id uuid.UUID, body any) functiontest.Response {
	t.Helper()
	return f.Do(t, functiontest.Request{Method: method, Path: path(id), Token: f.admin(t), Header: map[string]string{"If-Match": "*"}, Body: body})
}

func (f *fixture) post(t *testing.T, path string, body any) functiontest.Response {
	t.Helper()
	return f.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Token: f.admin(t), Body: body})
}

// build builds the functions of a process with settings.
func build(environment config.Environment) error {
	_, err := webhook.Functions(function.NewRuntime(function.Options{Manifest: functions.Manifest(), Service: "webhook", Environment: environment}))
	return err
}

// admin returns an access token of an owner at the time of the clock.
func (f *fixture) admin(t *testing.T) string {
	t.Helper()
	signer, err := auth.NewSigner(f.Tokens.Signing)
	if err != nil {
		t.Fatal(err)
	}
	owner := auth.Principal{UserID: uuid.New(), Role: auth.Owner, Permissions: manifest.AllPermissions()}
	token, err := signer.Sign(owner, f.now(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// Deliver is like that of the server, with a token of the time of the clock.
func (f *fixture) Deliver(t *testing.T, name string, e event.Event) functiontest.Response {
	t.Helper()
	if err := contract.CheckDelivered(e); err != nil {
		t.Error(err)
	}
	now := f.now()
	token := f.Tokens.PushWith(t, map[string]any{"iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	return f.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/" + name, Token: token, Body: map[string]any{
		"message":         map[string]any{"data": []byte(e.Payload), "attributes": e.Attributes(), "messageId": uuid.NewString(), "publishTime": e.Time},
		"subscription":    "projects/test/subscriptions/" + name + "." + e.Type,
		"deliveryAttempt": 1,
	}})
}

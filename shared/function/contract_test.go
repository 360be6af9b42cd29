package function_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/uuid"

	"souk/shared/api"
	"souk/shared/auth"
	"souk/shared/clock"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// spy is a test that does not fail, but keeps why it would have.
type spy struct {
	testing.TB
	mu     sync.Mutex
	faults []string
}

func (s *spy) Errorf(format string, args ...any) { s.Error(fmt.Sprintf(format, args...)) }

func (s *spy) Error(args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fmt.Sprint(args...))
}

// take returns the faults so far and forgets them.
func (s *spy) take() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.faults = nil }()
	return strings.Join(s.faults, "\n")
}

func described(manifest.Function, any) (function.Text, error) {
	return function.Text{Summary: "Do it", Description: "Always."}, nil
}

// MustDocument returns the OpenAPI document of the service that build makes.
func MustDocument(t testing.TB) []byte {
	t.Helper()
	runtime := function.NewRuntime(nil, nil, clock.System, nil, auth.Config{}, auth.PushConfig{})
	services := map[string]function.Service{"test": {Description: "A test.", Build: build}}
	document, err := function.Document(runtime, MustManifest(t, list), services, described)
	if err != nil {
		t.Fatal(err)
	}
	text, err := function.YAML(document)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func mustContract(t testing.TB) *functiontest.Contract {
	t.Helper()
	return functiontest.NewContract(MustDocument(t), fstest.MapFS{"events/account-kept.schema.json": {Data: []byte(
		`{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "fail": {"type": "boolean"}}}`,
	)}})
}

// lie makes functions that do otherwise than the document of build says.
func lie(runtime *function.Runtime) ([]function.Function, error) {
	s := &service{runtime}
	number := func(context.Context, *struct{}) (*struct{ Body struct{ Name int } }, error) {
		return &struct{ Body struct{ Name int } }{}, nil
	}
	untagged := func(context.Context, *struct {
		ID uuid.UUID `path:"id"`
	}) (*struct{ Body account }, error) {
		return &struct{ Body account }{account{Password: "seven bicycles"}}, nil
	}
	undocumented := func(context.Context, *struct {
		ID uuid.UUID `path:"id"`
	}) (*struct{}, error) {
		return nil, api.NewProblem(http.StatusGone, "gone", "It is gone.")
	}
	return []function.Function{
		function.HTTP("account-make", s.makeAccount), // 200, not 201
		function.HTTP("account-get", untagged),
		function.HTTP("failure-make", s.fail),
		function.HTTP("secret-get", number),
		function.HTTP("account-end", s.end),
		function.HTTP("login-end", undocumented, function.Unconditional),
		function.Event("account-keep", func(ctx context.Context, tx *database.Tx, e event.Event, _ struct{}) error {
			return event.NewTopic[map[string]any]("account-kept", "account").Add(ctx, tx, s.Outbox, e.AggregateID, map[string]any{"name": "Ada", "password": "secret"})
		}),
		function.Schedule("account-sweep", s.sweep),
	}, nil
}

func TestContract(t *testing.T) {
	t.Parallel()
	register := functiontest.Request{Method: http.MethodPost, Path: "/v1/accounts", Body: account{Name: "Ada", Password: "seven bicycles"}}
	id := uuid.NewString()

	t.Run("is kept by what the document was made of", func(t *testing.T) {
		t.Parallel()
		watch := &spy{TB: t}
		s := functiontest.Start(watch, MustManifest(t, list), "test", build, migrations, nil, functiontest.WithContract(mustContract(t)))
		s.Do(t, register).MustBe(t, http.StatusCreated)
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/accounts", Body: "{}"}).MustBe(t, http.StatusBadRequest)
		s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/accounts/" + id}).MustBe(t, http.StatusPreconditionRequired)
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/nothing"}).MustBe(t, http.StatusNotFound)
		s.Deliver(t, "account-keep", functiontest.NewEvent(t, "account-made", map[string]any{"name": "Ada"})).MustBe(t, http.StatusNoContent)
		if faults := watch.take(); faults != "" {
			t.Error(faults)
		}
	})

	t.Run("is held against every answer and event", func(t *testing.T) {
		t.Parallel()
		watch := &spy{TB: t}
		s := functiontest.Start(watch, MustManifest(t, list), "test", lie, migrations, nil, functiontest.WithContract(mustContract(t)))
		_, token := s.Tokens.Customer(t)
		for _, lie := range []struct {
			request functiontest.Request
			fault   string
		}{
			{register, "account-make answers 200, code none, which openapi.yaml does not say"},
			{functiontest.Request{Method: http.MethodGet, Path: "/v1/accounts/" + id}, "ETag"},
			{functiontest.Request{Method: http.MethodPost, Path: "/v1/failures/problem"}, "failure-make answers 409, code sold_out"},
			{functiontest.Request{Method: http.MethodGet, Path: "/v1/secret", Token: token}, "secret-get answers 200"},
			{functiontest.Request{Method: http.MethodDelete, Path: "/v1/logins/" + id}, "login-end answers 410, code gone"},
		} {
			s.Do(t, lie.request)
			if faults := watch.take(); !strings.Contains(faults, lie.fault) {
				t.Errorf("%s %s: the test was told %q, want %q", lie.request.Method, lie.request.Path, faults, lie.fault)
			}
		}
		s.Deliver(t, "account-keep", functiontest.NewEvent(t, "account-made", map[string]any{"name": "Ada"})).MustBe(t, http.StatusNoContent)
		if faults := watch.take(); !strings.Contains(faults, "password") {
			t.Errorf("a member that the schema of an event lacks was published: the test was told %q", faults)
		}
		wrong := functiontest.NewEvent(t, "account-kept", map[string]any{"name": 7})
		s.Deliver(watch, "account-keep", wrong)
		if faults := watch.take(); !strings.Contains(faults, "account-kept.schema.json") {
			t.Errorf("an event that nobody would publish was delivered: the test was told %q", faults)
		}
		s.DeliverUnchecked(watch, "account-keep", wrong)
		if faults := watch.take(); faults != "" {
			t.Errorf("the test asked for no check, and was told %q", faults)
		}
	})

	t.Run("is held against answers on their way to a client", func(t *testing.T) {
		t.Parallel()
		s := functiontest.Start(t, MustManifest(t, list), "test", lie, migrations, nil)
		var fault error
		client := http.Client{Transport: mustContract(t).Transport(http.DefaultTransport, func(err error) { fault = errors.Join(fault, err) })}
		answer, err := client.Get(s.URL + "/v1/accounts/" + id)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if fault == nil || !strings.Contains(fault.Error(), "ETag") {
			t.Errorf("told %v", fault)
		}
	})
}

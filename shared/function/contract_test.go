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
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/function/openapi"
	"souk/shared/manifest"
)

// fakeTest records errors instead of failing.
type fakeTest struct {
	testing.TB
	mu   sync.Mutex
	errs []string
}

func (s *fakeTest) Errorf(format string, args ...any) { s.Error(fmt.Sprintf(format, args...)) }

func (s *fakeTest) Error(args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.errs = append(s.errs, fmt.Sprint(args...))
}

// takeErrors returns the errors so far and clears them.
func (s *fakeTest) takeErrors() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.errs = nil }()
	return strings.Join(s.errs, "\n")
}

func described(manifest.Function, any) (openapi.Documentation, error) {
	return openapi.Documentation{Summary: "Do it", Description: "Always."}, nil
}

// mustDocument returns the OpenAPI document of the service of build.
func mustDocument(t testing.TB) []byte {
	t.Helper()
	document, err := openapi.Document(mustManifest(t, list), []openapi.Service{{Name: "test", Description: "A test.", Build: build}}, described)
	if err != nil {
		t.Fatal(err)
	}
	text, err := openapi.YAML(document)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func mustContract(t testing.TB) *functiontest.Contract {
	t.Helper()
	return functiontest.NewContract(mustDocument(t), fstest.MapFS{"events/account-copied.schema.json": {Data: []byte(
		`{"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "fail": {"type": "boolean"}}}`,
	)}})
}

// buildWrong returns functions that differ from the document of build.
func buildWrong(runtime *function.Runtime) ([]function.Function, error) {
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
		function.HTTP("account-create", s.createAccount), // 200, not 201
		function.HTTP("account-get", untagged),
		function.HTTP("failure-create", s.fail),
		function.HTTP("secret-get", number),
		function.HTTP("account-end", s.end),
		function.HTTP("login-end", undocumented, function.Unconditional),
		function.Event("account-copy", func(ctx context.Context, tx *database.Tx, e event.Event, _ struct{}) error {
			return event.NewTopic[map[string]any]("account-copied", "account").Add(ctx, tx, s.Outbox, e.AggregateID, map[string]any{"name": "Ada", "password": "secret"})
		}),
		function.Schedule("account-sweep", s.sweep),
	}, nil
}

func TestContract(t *testing.T) {
	t.Parallel()
	register := functiontest.Request{Method: http.MethodPost, Path: "/v1/accounts", Body: account{Name: "Ada", Password: "seven bicycles"}}
	id := uuid.NewString()

	t.Run("holds for the service of the document", func(t *testing.T) {
		t.Parallel()
		test := &fakeTest{TB: t}
		s := functiontest.Start(test, mustManifest(t, list), "test", build, migrations, nil, functiontest.WithContract(mustContract(t)))
		s.Do(t, register).MustBe(t, http.StatusCreated)
		s.Do(t, functiontest.Request{Method: http.MethodPost, Path: "/v1/accounts", Body: "{}"}).MustBe(t, http.StatusBadRequest)
		s.Do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/accounts/" + id}).MustBe(t, http.StatusPreconditionRequired)
		s.Do(t, functiontest.Request{Method: http.MethodGet, Path: "/v1/nothing"}).MustBe(t, http.StatusNotFound)
		s.Deliver(t, "account-copy", functiontest.NewEvent(t, "account-created", map[string]any{"name": "Ada"})).MustBe(t, http.StatusNoContent)
		if errs := test.takeErrors(); errs != "" {
			t.Error(errs)
		}
	})

	t.Run("is checked for every response and event", func(t *testing.T) {
		t.Parallel()
		test := &fakeTest{TB: t}
		s := functiontest.Start(test, mustManifest(t, list), "test", buildWrong, migrations, nil, functiontest.WithContract(mustContract(t)))
		_, token := s.Tokens.Customer(t)
		for _, call := range []struct {
			request functiontest.Request
			want    string
		}{
			{register, "account-create responds with 200, code none, which is not in openapi.yaml"},
			{functiontest.Request{Method: http.MethodGet, Path: "/v1/accounts/" + id}, "ETag"},
			{functiontest.Request{Method: http.MethodPost, Path: "/v1/failures/problem"}, "failure-create responds with 409, code sold_out"},
			{functiontest.Request{Method: http.MethodGet, Path: "/v1/secret", Token: token}, "secret-get responds with 200"},
			{functiontest.Request{Method: http.MethodDelete, Path: "/v1/logins/" + id}, "login-end responds with 410, code gone"},
		} {
			s.Do(t, call.request)
			if errs := test.takeErrors(); !strings.Contains(errs, call.want) {
				t.Errorf("%s %s: got the errors %q, want %q", call.request.Method, call.request.Path, errs, call.want)
			}
		}
		s.Deliver(t, "account-copy", functiontest.NewEvent(t, "account-created", map[string]any{"name": "Ada"})).MustBe(t, http.StatusNoContent)
		if errs := test.takeErrors(); !strings.Contains(errs, "password") {
			t.Errorf("an event was published with a member that is not in its schema: got the errors %q", errs)
		}
		wrong := functiontest.NewEvent(t, "account-copied", map[string]any{"name": 7})
		s.Deliver(test, "account-copy", wrong)
		if errs := test.takeErrors(); !strings.Contains(errs, "account-copied.schema.json") {
			t.Errorf("an event was delivered that does not match its schema: got the errors %q", errs)
		}
		s.DeliverUnchecked(test, "account-copy", wrong)
		if errs := test.takeErrors(); errs != "" {
			t.Errorf("an unchecked event: got the errors %q", errs)
		}
	})

	t.Run("is checked by the transport of a client", func(t *testing.T) {
		t.Parallel()
		s := functiontest.Start(t, mustManifest(t, list), "test", buildWrong, migrations, nil)
		var reported error
		client := http.Client{Transport: mustContract(t).Transport(http.DefaultTransport, func(err error) { reported = errors.Join(reported, err) })}
		response, err := client.Get(s.URL + "/v1/accounts/" + id)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if reported == nil || !strings.Contains(reported.Error(), "ETag") {
			t.Errorf("reported %v", reported)
		}
	})
}

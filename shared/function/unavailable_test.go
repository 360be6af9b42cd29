package function_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/shared/database"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// TestNoDatabase calls functions whose database is unreachable.
func TestNoDatabase(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	unused := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := database.Open(database.Config{URL: database.URL("mysql://souk:souk@" + unused + "/souk")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	tokens := functiontest.NewTokens(t)
	list := mustManifest(t, `
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: read, service: test, http: GET /read, access: anyone}
  - {name: write, service: test, http: POST /write, access: user}
`)
	runtime := function.NewRuntime(function.Options{Manifest: list, Service: "test", DB: db, UserAuth: tokens.UserAuth, PushAuth: tokens.PushAuth})
	handler, err := function.NewHandler(runtime, func(runtime *function.Runtime) ([]function.Function, error) {
		ping := func(ctx context.Context, _ *struct{}) (*struct{}, error) { return nil, runtime.DB.PingContext(ctx) }
		write := func(context.Context, *database.Tx, *struct{}) (*struct{}, error) { return nil, nil } //nolint:nilnil // huma's way to respond with 204
		return []function.Function{function.HTTP("read", ping), function.Command("write", write)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	_, token := tokens.Customer(t)
	for name, request := range map[string]functiontest.Request{
		"an operation":       {Method: http.MethodGet, Path: "/read"},
		"an idempotency key": {Method: http.MethodPost, Path: "/write", Token: token},
	} {
		t.Run(name+" gets 503 with Retry-After", func(t *testing.T) {
			t.Parallel()
			response := functiontest.Do(t, server.URL, request)
			response.MustBeProblem(t, http.StatusServiceUnavailable, "unavailable")
			if response.Header.Get("Retry-After") == "" {
				t.Error("without Retry-After")
			}
		})
	}
}

// TestBodyLimits sends bodies to functions that read them themselves, and to one whose body is
// read for its idempotency key.
func TestBodyLimits(t *testing.T) {
	t.Parallel()
	list := mustManifest(t, `
delivery: {ackDeadline: 30s, minBackoff: 1s, maxBackoff: 600s, maxDeliveryAttempts: 20}
scaling: {function: {http: &s {concurrency: 40, memory: 256Mi, cpu: "1", minInstances: 0, maxInstances: 3, pool: 2}, push: *s}, service: {http: *s, push: *s}}
functions:
  - {name: plain, service: test, http: POST /plain, access: anyone}
  - {name: keyed, service: test, http: POST /keyed, access: user}
  - {name: large, service: test, http: POST /large, access: anyone, maxBody: 3000000}
`)
	s := functiontest.Start(t, list, "test", func(*function.Runtime) ([]function.Function, error) {
		discard := func(context.Context, *struct{ RawBody []byte }) (*struct{}, error) { return nil, nil } //nolint:nilnil // huma responds with 204
		keyed := func(ctx context.Context, _ *database.Tx, in *struct{ RawBody []byte }) (*struct{}, error) {
			return discard(ctx, in)
		}
		return []function.Function{function.HTTP("plain", discard), function.Command("keyed", keyed), function.HTTP("large", discard)}, nil
	}, database.Migrations{Name: "none", FS: migrations.FS}, nil)
	_, token := s.Tokens.Customer(t)
	for path, limit := range map[string]int{"/plain": manifest.DefaultMaxOpenBody, "/keyed": manifest.DefaultMaxBody, "/large": 3_000_000} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			send := func(n int) functiontest.Response {
				return s.Do(t, functiontest.Request{Method: http.MethodPost, Path: path, Token: token, Body: string(make([]byte, n))})
			}
			if got := send(limit); got.Status != http.StatusNoContent {
				t.Errorf("a body of the limit: %d %s", got.Status, got.Body)
			}
			refused := send(limit + 1)
			refused.MustBeProblem(t, http.StatusRequestEntityTooLarge, "body_too_large")
			if !strings.Contains(string(refused.Body), fmt.Sprintf("longer than %d bytes", limit)) {
				t.Errorf("got %s", refused.Body)
			}
		})
	}
}

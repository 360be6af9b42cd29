package functions_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"cloud.google.com/go/pubsub/v2/pstest"
	"github.com/google/uuid"

	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// sendUntilStopped lists the products until stop is set, and reports the first request
// without a response or with a wrong one.
func sendUntilStopped(client *http.Client, url string, stop *atomic.Bool, succeeded *atomic.Int64, errs chan<- error) {
	for !stop.Load() {
		response, err := client.Get(url + "/v1/products")
		if err != nil {
			errs <- err
			return
		}
		var page struct{ Items []any }
		err = json.NewDecoder(response.Body).Decode(&page)
		_ = response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || page.Items == nil {
			errs <- fmt.Errorf("status %d, %w", response.StatusCode, err)
			return
		}
		succeeded.Add(1)
	}
}

// mustStopUnderLoad sends SIGTERM while requests are in flight, and senders continue for a
// moment, as a router does before it removes an instance.
func mustStopUnderLoad(t *testing.T, p *process) {
	t.Helper()
	const senders = 16
	transport := &http.Transport{MaxIdleConnsPerHost: senders}
	defer transport.CloseIdleConnections()
	var stop atomic.Bool
	var succeeded atomic.Int64
	errs := make(chan error, senders)
	var all sync.WaitGroup
	for range senders {
		all.Go(func() { sendUntilStopped(&http.Client{Transport: transport}, p.url, &stop, &succeeded, errs) })
	}
	mustWaitUntil(t, "requests succeed", func() bool { return succeeded.Load() > 10*senders || len(errs) > 0 })
	p.mustTerminate(t)
	stop.Store(true)
	all.Wait()
	close(errs)
	for err := range errs {
		t.Errorf("a request was dropped: %v", err)
	}
	if code := p.mustExit(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
}

// TestProcess runs the command of a service: its start, its failures to start, its end.
func TestProcess(t *testing.T) {
	t.Parallel()
	binary := mustBuild(t, "product")
	url := dbtest.Create(t, append(function.Migrations(), product.Migrations)...)
	list := func(t *testing.T, p *process) functiontest.Response {
		t.Helper()
		return functiontest.Do(t, p.url, functiontest.Request{Method: http.MethodGet, Path: "/v1/products"})
	}

	for name, target := range map[string]string{"a process of one function": "FUNCTION_TARGET=product-list", "a process of all functions": "FUNCTION_TARGET="} {
		t.Run(name+" responds to all requests before and just after SIGTERM, and exits with 0", func(t *testing.T) {
			t.Parallel()
			p := mustRun(t, binary, "DATABASE_URL="+string(url), target)
			p.mustListen(t)
			mustStopUnderLoad(t, p)
		})
	}

	t.Run("a process without requests exits on SIGTERM", func(t *testing.T) {
		t.Parallel()
		p := mustRun(t, binary, "DATABASE_URL="+string(url), "FUNCTION_TARGET=product-list")
		p.mustListen(t)
		p.mustTerminate(t)
		if code := p.mustExit(t); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
	})

	t.Run("a process with an idle connection exits on SIGTERM", func(t *testing.T) {
		t.Parallel()
		p := mustRun(t, binary, "DATABASE_URL="+string(url), "FUNCTION_TARGET=product-list")
		p.mustListen(t)
		list(t, p).MustBe(t, http.StatusOK)
		p.mustTerminate(t)
		if code := p.mustExit(t); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
	})

	t.Run("a process writes one line for a request", func(t *testing.T) {
		t.Parallel()
		p := mustRun(t, binary, "DATABASE_URL="+string(url), "FUNCTION_TARGET=product-list", "K_SERVICE=product-list", "SOUK_EMULATOR=1")
		p.mustListen(t)
		list(t, p).MustBe(t, http.StatusOK)
		p.mustTerminate(t)
		p.mustExit(t)
		if lines := strings.Count(p.stderr.String(), "\n"); lines != 1 || p.stdout.String() != "" {
			t.Errorf("the process wrote %d lines and %q, want one line", lines, p.stdout.String())
		}
	})

	t.Run("a process serves the function of FUNCTION_TARGET only, or all without it", func(t *testing.T) {
		t.Parallel()
		one := mustRun(t, binary, "DATABASE_URL="+string(url), "FUNCTION_TARGET=product-list")
		all := mustRun(t, binary, "DATABASE_URL="+string(url))
		one.mustListen(t)
		all.mustListen(t)
		list(t, one).MustBe(t, http.StatusOK)
		list(t, all).MustBe(t, http.StatusOK)
		reserve := functiontest.Request{Method: http.MethodPost, Path: "/stock-reserve", Body: "{}"}
		functiontest.Do(t, one.url, reserve).MustBeProblem(t, http.StatusNotFound, "route_not_found")
		functiontest.Do(t, all.url, reserve).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})

	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	_, usedPort, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	database := "DATABASE_URL=" + string(url)
	for name, test := range map[string]struct{ environment, errors []string }{
		"lists its functions for an unknown FUNCTION_TARGET": {
			[]string{database, "FUNCTION_TARGET=order-get"}, []string{"FUNCTION_TARGET=order-get", "product-create, product-get, product-list"},
		},
		"reports every invalid setting at once": {
			[]string{database, "LOG_LEVEL=hunter2", "DATABASE_MAX_OPEN_CONNS=hunter2"}, []string{"LOG_LEVEL is not", "DATABASE_MAX_OPEN_CONNS is not"},
		},
		"reports a missing database":    {nil, []string{"set DATABASE_URL"}},
		"reports that its port is used": {[]string{database, "PORT=" + usedPort}, []string{"serve on port " + usedPort, "address already in use"}},
		"refuses to trust a local key server on Cloud Run": {
			[]string{database, "K_SERVICE=product-get", "AUTH_JWKS_URL=http://127.0.0.1/jwks"}, []string{"AUTH_JWKS_URL must begin with https://"},
		},
		"refuses PUSH_AUTH=iam outside of Cloud Run": {[]string{database, "PUSH_AUTH=iam"}, []string{"PUSH_AUTH=iam is for Cloud Run"}},
		"refuses an unknown PUSH_AUTH":               {[]string{database, "PUSH_AUTH=hunter2"}, []string{"PUSH_AUTH is not"}},
	} {
		t.Run("a process that cannot start "+name+", in a line for Cloud Logging, and exits with 1", func(t *testing.T) {
			t.Parallel()
			p := mustRun(t, binary, test.environment...)
			if code := p.mustExit(t); code != 1 {
				t.Errorf("the exit code is %d", code)
			}
			var line struct{ Severity, Message, Error string }
			mustDecode(t, []byte(lastLine(p.stderr.String())), &line)
			for _, want := range test.errors {
				if line.Severity != "ERROR" || line.Message != "service failed" || !strings.Contains(line.Error, want) {
					t.Errorf("the process logs %+v, want %q", line, want)
				}
			}
			if strings.Contains(p.stderr.String(), "hunter2") {
				t.Error("the log has the value of a setting")
			}
		})
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// TestStopWhileWaiting sends SIGTERM to a process that delays a response (Prefer: wait) for
// longer than Cloud Run waits after SIGTERM.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	binary := mustBuild(t, "order")
	url := dbtest.Create(t, append(function.Migrations(), order.Migrations)...)
	db := mustOpen(t, url)
	teapot := uuid.New()
	if _, err := db.ExecContext(t.Context(), `
		INSERT INTO catalog (product_id, name, price_amount, price_currency, status, version)
		VALUES (?, 'Teapot', 4500, 'EUR', 'active', 1)`, teapot[:]); err != nil {
		t.Fatal(err)
	}
	tokens := functiontest.NewTokens(t)
	p := mustRun(t, binary, "DATABASE_URL="+string(url), "FUNCTION_TARGET=order-place",
		"GOOGLE_CLOUD_PROJECT=souk-test", "PUBSUB_EMULATOR_HOST="+mustStartPubSub(t, "order-placed"),
		"AUTH_ISSUER="+tokens.UserAuth.Issuer, "AUTH_AUDIENCE="+tokens.UserAuth.Audience, "AUTH_JWKS_URL="+tokens.UserAuth.KeysURL)
	p.mustListen(t)
	token := tokens.User(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})
	responses := make(chan functiontest.Response, 1)
	go func() {
		defer close(responses) // also when Do ends this goroutine without a response
		responses <- functiontest.Do(t, p.url, functiontest.Request{
			Method: http.MethodPost, Path: "/v1/orders", Token: token,
			Header: map[string]string{"Prefer": "wait=30", "Idempotency-Key": uuid.NewString()},
			Body:   fixtures.Order(fixtures.Item(teapot, 1)),
		})
	}()
	mustWaitUntil(t, "the order is placed and published", func() bool {
		var published int
		err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM outbox WHERE published_at IS NOT NULL`).Scan(&published)
		return err == nil && published == 1
	})
	p.mustTerminate(t)
	var placed struct{ Status string }
	response := <-responses
	mustDecode(t, response.MustBe(t, http.StatusCreated).Body, &placed)
	if placed.Status != "pending" {
		t.Errorf("the order is %s", placed.Status)
	}
	if code := p.mustExit(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
}

func mustOpen(t *testing.T, url database.URL) *database.DB {
	t.Helper()
	db, err := database.Open(database.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the database: %v", err)
		}
	})
	return db
}

// mustStartPubSub starts the fake of Google's client library with topics, and returns its
// address.
func mustStartPubSub(t *testing.T, topics ...string) string {
	t.Helper()
	server := pstest.NewServer()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("stop Pub/Sub: %v", err)
		}
	})
	for _, topic := range topics {
		if _, err := server.GServer.CreateTopic(t.Context(), &pubsubpb.Topic{Name: "projects/souk-test/topics/" + topic}); err != nil {
			t.Fatalf("create %s: %v", topic, err)
		}
	}
	return server.Addr
}

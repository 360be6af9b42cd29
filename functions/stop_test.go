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

	"souk/functions/order"
	"souk/functions/product"
	"souk/shared/auth"
	"souk/shared/database"
	"souk/shared/dbtest"
	"souk/shared/function"
	"souk/shared/function/functiontest"
)

// send asks for the products until told to stop, and reports every request that
// got no answer or a wrong one.
func send(client *http.Client, url string, stop *atomic.Bool, answered *atomic.Int64, faults chan<- error) {
	for !stop.Load() {
		answer, err := client.Get(url + "/v1/products")
		if err != nil {
			faults <- err
			return
		}
		var page struct{ Items []any }
		err = json.NewDecoder(answer.Body).Decode(&page)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK || page.Items == nil {
			faults <- fmt.Errorf("status %d, %w", answer.StatusCode, err)
			return
		}
		answered.Add(1)
	}
}

// mustStopUnderLoad sends SIGTERM while requests are in flight and senders go on
// for a moment, as a router does that has not heard of it yet.
func mustStopUnderLoad(t *testing.T, p *process) {
	t.Helper()
	const senders = 16
	transport := &http.Transport{MaxIdleConnsPerHost: senders}
	defer transport.CloseIdleConnections()
	var stop atomic.Bool
	var answered atomic.Int64
	faults := make(chan error, senders)
	var all sync.WaitGroup
	for range senders {
		all.Go(func() { send(&http.Client{Transport: transport}, p.url, &stop, &answered, faults) })
	}
	mustBecome(t, "requests are answered", func() bool { return answered.Load() > 10*senders || len(faults) > 0 })
	p.mustTerminate(t)
	stop.Store(true)
	all.Wait()
	close(faults)
	for fault := range faults {
		t.Errorf("a request was dropped: %v", fault)
	}
	if code := p.mustExit(t); code != 0 {
		t.Errorf("the exit code is %d", code)
	}
}

func TestProcess(t *testing.T) {
	t.Parallel()
	binary := MustBuild(t, "product")
	url := dbtest.Create(t, append(function.Migrations(), product.Migrations)...)
	list := func(t *testing.T, p *process) functiontest.Response {
		t.Helper()
		return functiontest.Do(t, p.url, functiontest.Request{Method: http.MethodGet, Path: "/v1/products"})
	}

	for name, target := range map[string]string{"of one function": "FUNCTION_TARGET=product-list", "of a whole service": "FUNCTION_TARGET="} {
		t.Run(name+" answers every request it was sent before and just after SIGTERM, and exits with 0", func(t *testing.T) {
			t.Parallel()
			p := MustRun(t, binary, "DATABASE_URL="+string(url), target)
			p.mustListen(t)
			mustStopUnderLoad(t, p)
		})
	}

	t.Run("that never had a request leaves on SIGTERM", func(t *testing.T) {
		t.Parallel()
		p := MustRun(t, binary, "DATABASE_URL="+string(url), "FUNCTION_TARGET=product-list")
		p.mustListen(t)
		p.mustTerminate(t)
		if code := p.mustExit(t); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
	})

	t.Run("with an open but idle connection leaves on SIGTERM", func(t *testing.T) {
		t.Parallel()
		p := MustRun(t, binary, "DATABASE_URL="+string(url), "FUNCTION_TARGET=product-list")
		p.mustListen(t)
		list(t, p).MustBe(t, http.StatusOK)
		p.mustTerminate(t)
		if code := p.mustExit(t); code != 0 {
			t.Errorf("the exit code is %d", code)
		}
	})

	t.Run("serves the function of FUNCTION_TARGET and no other, without it all", func(t *testing.T) {
		t.Parallel()
		one := MustRun(t, binary, "DATABASE_URL="+string(url), "FUNCTION_TARGET=product-list")
		all := MustRun(t, binary, "DATABASE_URL="+string(url))
		one.mustListen(t)
		all.mustListen(t)
		list(t, one).MustBe(t, http.StatusOK)
		list(t, all).MustBe(t, http.StatusOK)
		reserve := functiontest.Request{Method: http.MethodPost, Path: "/stock-reserve", Body: "{}"}
		functiontest.Do(t, one.url, reserve).MustBeProblem(t, http.StatusNotFound, "route_not_found")
		functiontest.Do(t, all.url, reserve).MustBeProblem(t, http.StatusUnauthorized, "unauthenticated")
	})

	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	_, takenPort, err := net.SplitHostPort(taken.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	database := "DATABASE_URL=" + string(url)
	for name, test := range map[string]struct{ environment, says []string }{
		"names the functions there are for a FUNCTION_TARGET that is none": {
			[]string{database, "FUNCTION_TARGET=order-get"}, []string{"FUNCTION_TARGET=order-get", "product-create, product-get, product-list"},
		},
		"names every faulty setting at once": {
			[]string{database, "LOG_LEVEL=hunter2", "DATABASE_MAX_OPEN_CONNS=hunter2"}, []string{"LOG_LEVEL is not", "DATABASE_MAX_OPEN_CONNS is not"},
		},
		"says that it has no database": {nil, []string{"set DATABASE_URL"}},
		"says that its port is taken":  {[]string{database, "PORT=" + takenPort}, []string{"serve on port " + takenPort, "address already in use"}},
		"refuses to trust a local key server on Cloud Run": {
			[]string{database, "K_SERVICE=product-get", "AUTH_JWKS_URL=http://127.0.0.1/jwks"}, []string{"AUTH_JWKS_URL must begin with https://"},
		},
		"refuses to leave push tokens to an IAM that is not there": {[]string{database, "PUSH_AUTH=iam"}, []string{"PUSH_AUTH=iam is for Cloud Run"}},
		"refuses a way to check push tokens that there is not":     {[]string{database, "PUSH_AUTH=hunter2"}, []string{"PUSH_AUTH is not"}},
	} {
		t.Run("that cannot start "+name+", in a line for Cloud Logging, and exits with 1", func(t *testing.T) {
			t.Parallel()
			p := MustRun(t, binary, test.environment...)
			if code := p.mustExit(t); code != 1 {
				t.Errorf("the exit code is %d", code)
			}
			var line struct{ Severity, Message, Error string }
			mustDecode(t, []byte(lastLine(p.stderr.String())), &line)
			for _, says := range test.says {
				if line.Severity != "ERROR" || line.Message != "the service stopped" || !strings.Contains(line.Error, says) {
					t.Errorf("it says %+v, want %q", line, says)
				}
			}
			if strings.Contains(p.stderr.String(), "hunter2") {
				t.Error("it shows the value of a setting")
			}
		})
	}
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}

// TestStopWhileWaiting sends SIGTERM to a process that holds an answer back for
// longer than Cloud Run lets a process live then.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	binary := MustBuild(t, "order")
	url := dbtest.Create(t, append(function.Migrations(), order.Migrations)...)
	db := mustOpen(t, url)
	teapot := uuid.New()
	if _, err := db.ExecContext(t.Context(), `
		INSERT INTO catalog (product_id, name, price_amount, price_currency, status, version)
		VALUES (?, 'Teapot', 4500, 'EUR', 'active', 1)`, teapot[:]); err != nil {
		t.Fatal(err)
	}
	tokens := functiontest.NewTokens(t)
	p := MustRun(t, binary, "DATABASE_URL="+string(url), "FUNCTION_TARGET=order-place",
		"GOOGLE_CLOUD_PROJECT=souk-test", "PUBSUB_EMULATOR_HOST="+mustPubSub(t, "order-placed"),
		"AUTH_ISSUER="+tokens.Users.Issuer, "AUTH_AUDIENCE="+tokens.Users.Audience, "AUTH_JWKS_URL="+tokens.Users.KeysURL)
	p.mustListen(t)
	token := tokens.User(t, auth.Principal{UserID: uuid.New(), Role: auth.Customer})
	answers := make(chan functiontest.Response, 1)
	go func() {
		defer close(answers) // also when Do ends this goroutine, having got no answer
		answers <- functiontest.Do(t, p.url, functiontest.Request{
			Method: http.MethodPost, Path: "/v1/orders", Token: token,
			Header: map[string]string{"Prefer": "wait=30", "Idempotency-Key": uuid.NewString()},
			Body:   map[string]any{"items": []any{map[string]any{"productId": teapot, "quantity": 1}}},
		})
	}()
	mustBecome(t, "the order is placed and told", func() bool {
		var told int
		err := db.QueryRowContext(t.Context(), `SELECT COUNT(*) FROM outbox WHERE published_at IS NOT NULL`).Scan(&told)
		return err == nil && told == 1
	})
	p.mustTerminate(t)
	var placed struct{ Status string }
	answer := <-answers
	mustDecode(t, answer.MustBe(t, http.StatusCreated).Body, &placed)
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

// mustPubSub starts Google's own fake with some topics, and returns its address.
func mustPubSub(t *testing.T, topics ...string) string {
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

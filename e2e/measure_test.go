package e2e_test

import (
	"bytes"
	"compress/gzip"
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"

	"souk/functions"
	"souk/functions/fixtures"
	"souk/functions/order"
	"souk/functions/payment"
	"souk/shared/database"
	"souk/shared/event"
	"souk/shared/function/functiontest"
)

// measureRounds is the number of measured rounds.
const measureRounds = 40

// call has the mean usage of one call of a function, in the form of measured.yaml.
type call struct {
	calls    int
	Ms       float64 `yaml:"ms"`
	CPUMs    float64 `yaml:"cpuMs"`
	Bytes    float64 `yaml:"bytes"`
	LogBytes float64 `yaml:"logBytes"`
}

// TestMeasure measures the usage from which `souk cost` estimates, and writes it to the file
// that SOUK_MEASURE names: make measure.
func TestMeasure(t *testing.T) {
	file := os.Getenv("SOUK_MEASURE")
	if file == "" {
		t.Skip("SOUK_MEASURE is not set: run make measure")
	}
	s := startSystem(t, paymentsOn)
	s.skipUnlessOwned(t)
	if runtime.GOOS != "linux" {
		t.Skip("CPU time is read from /proc")
	}
	s.runWorkload(t, 2) // to start every process
	cpu, before := s.cpuTime(t), len(s.logs(t)["functions.log"])
	s.runWorkload(t, measureRounds)
	calls := mustReadCalls(t, s.logs(t)["functions.log"][before:])
	for name, now := range s.cpuTime(t) {
		if c := calls[name]; c != nil {
			c.CPUMs = round((now - cpu[name]).Seconds() * 1000 / float64(c.calls))
		}
	}
	var text bytes.Buffer
	text.WriteString("# What one call of a function takes. Written by `make measure` (e2e/measure_test.go):\n" +
		"# do not edit. ms and cpuMs depend on the machine, the rest does not.\n")
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(map[string]any{
		"how": fmt.Sprintf("means of %d rounds through the gateway of a warm system, one request at a time: "+
			"ms and bytes from the request log, cpuMs from /proc, logBytes from all that was logged, eventBytes from the outboxes, imageMiB from the programs, compressed", measureRounds),
		"on":        fmt.Sprintf("%s, %d CPUs, %s", time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), s.Database.Kind),
		"functions": calls, "eventBytes": s.eventBytes(t), "imageMiB": mustMeasureImages(t),
	}); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

// runWorkload runs the operations of customers and staff in a number of rounds.
func (s *system) runWorkload(t *testing.T, rounds int) {
	t.Helper()
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 10*rounds)
	for range 20 { // lists are full pages
		body := fixtures.Product("E2E-"+uuid.NewString(), 50)
		body["description"] = "A malty black tea from the banks of the Brahmaputra, for the morning, with or without milk."
		s.do(t, fixtures.CreateProduct(admin, body)).MustBe(t, http.StatusCreated)
	}
	email := uuid.NewString() + "@example.com"
	s.mustRegister(t, email, fixtures.Password, "Amira")
	for range rounds {
		for _, path := range []string{"/v1/products/" + p.ID.String(), "/v1/products?pageSize=20", "/v1/categories", "/.well-known/jwks.json"} {
			s.do(t, functiontest.Request{Method: http.MethodGet, Path: path}).MustBe(t, http.StatusOK)
		}
		var session struct {
			AccessToken, TokenType, RefreshToken string
			ExpiresIn                            int
		}
		s.post(t, "/v1/sessions", fixtures.Login(email, fixtures.Password)).MustBe(t, http.StatusCreated).Into(t, &session)
		s.post(t, "/v1/sessions/refresh", map[string]any{"refreshToken": session.RefreshToken}).MustBe(t, http.StatusCreated).Into(t, &session)
		for _, path := range []string{"/v1/users/me", "/v1/orders", "/v1/users/me/addresses"} {
			s.do(t, functiontest.Request{Method: http.MethodGet, Path: path, Token: session.AccessToken}).MustBe(t, http.StatusOK)
		}
		var o order.Order
		s.place(t, session.AccessToken, "", p.ID, 1).MustBe(t, http.StatusCreated).Into(t, &o)
		s.payShipAndRefund(t, admin, session.AccessToken, o.ID)
		s.place(t, session.AccessToken, "", p.ID, 1).MustBe(t, http.StatusCreated).Into(t, &o)
		s.pay(t, session.AccessToken, o.ID)
		s.do(t, fixtures.ChangeOrderStatus(session.AccessToken, o.ID, "cancel")).MustBe(t, http.StatusOK)
		s.awaitPayment(t, session.AccessToken, o.ID, "voided", func(p payment.Payment) bool { return p.Status == payment.Voided })
		s.do(t, functiontest.Request{Method: http.MethodDelete, Path: "/v1/sessions/current", Token: session.AccessToken}).MustBe(t, http.StatusNoContent)
	}
	s.runGuest(t, p.ID)
	for _, f := range functions.Manifest().Functions {
		if f.Schedule != "" {
			s.souk(t, "scheduler", "run", f.Name)
		}
	}
	s.mustReadMails(t, email, "delivered")
}

// runGuest has a guest pay, and make an account that adopts the order.
func (s *system) runGuest(t *testing.T, product uuid.UUID) {
	t.Helper()
	guest := uuid.NewString() + "@example.com"
	id, token := s.checkOut(t, guest, product)
	s.pay(t, token, id)
	s.mustRegister(t, guest, fixtures.Password, "Amira")
	account := s.mustLogIn(t, guest, fixtures.Password)
	s.awaitPayment(t, account, id, "the account's", func(payment.Payment) bool { return true })
}

// mustReadCalls returns the mean usage of each function from a log. The size of lines
// without a request is divided among all calls.
func mustReadCalls(t *testing.T, log string) map[string]*call {
	t.Helper()
	calls, all, other := map[string]*call{}, 0, 0
	for line := range strings.Lines(log) {
		var entry struct {
			Message string
			Request struct{ Latency, ResponseSize string } `json:"httpRequest"`
		}
		if json.Unmarshal([]byte(line), &entry) != nil || entry.Request.Latency == "" {
			other += len(line)
			continue
		}
		if _, listed := functions.Manifest().Function(entry.Message); !listed {
			t.Fatalf("the log names an unknown function %s", entry.Message)
		}
		if calls[entry.Message] == nil {
			calls[entry.Message] = &call{}
		}
		c := calls[entry.Message]
		took, err := time.ParseDuration(entry.Request.Latency)
		size, err2 := strconv.ParseFloat(entry.Request.ResponseSize, 64)
		if err != nil || err2 != nil {
			t.Fatalf("read %s: %v, %v", line, err, err2)
		}
		c.calls, all = c.calls+1, all+1
		c.Ms, c.Bytes, c.LogBytes = c.Ms+took.Seconds()*1000, c.Bytes+size, c.LogBytes+float64(len(line))
	}
	if len(calls) < 15 {
		t.Fatalf("only %d functions were called", len(calls))
	}
	for _, c := range calls {
		n := float64(c.calls)
		c.Ms, c.Bytes, c.LogBytes = round(c.Ms/n), math.Ceil(c.Bytes/n), math.Ceil(c.LogBytes/n+float64(other)/float64(all))
	}
	return calls
}

func round(n float64) float64 { return math.Round(n*100) / 100 }

// cpuTime returns the CPU time of each function.
func (s *system) cpuTime(t *testing.T) map[string]time.Duration {
	t.Helper()
	spent := map[string]time.Duration{}
	for _, f := range mustParseStatus(t, s.souk(t, "status", "--json")).Functions {
		for _, pid := range f.PIDs {
			spent[f.Name] += cpuTimeOf(t, pid)
		}
	}
	return spent
}

// cpuTimeOf returns the CPU time of a process so far, to the nanosecond.
func cpuTimeOf(t testing.TB, pid int) (spent time.Duration) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		if err != nil {
			continue // the thread has ended
		}
		busy, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		spent += time.Duration(busy)
	}
	return spent
}

// eventBytes returns the billed size of a message of each topic: data, attributes, id and
// time (https://cloud.google.com/pubsub/pricing).
func (s *system) eventBytes(t *testing.T) map[string]float64 {
	t.Helper()
	sizes := map[string]float64{}
	cfg, err := database.ParseURL(s.Database.DSN)
	if err != nil {
		t.Fatal(err)
	}
	for _, cfg.DBName = range s.Database.Names {
		connector, err := database.Connector(cfg)
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		defer db.Close()
		rows, err := db.QueryContext(t.Context(), "SELECT type, AVG(LENGTH(payload)), MAX(aggregatetype), MAX(traceparent) FROM outbox GROUP BY type")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var payload float64
			e := event.Event{Time: time.Now()}
			if err := rows.Scan(&e.Type, &payload, &e.AggregateType, &e.Traceparent); err != nil {
				t.Fatal(err)
			}
			for name, value := range e.Attributes() {
				payload += float64(len(name) + len(value))
			}
			sizes[e.Type] = math.Ceil(payload) + 20 + 20
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
	return sizes
}

// mustMeasureImages returns the compressed size of the programs of one rollout in MiB, plus
// 2 MiB for the base of each image.
func mustMeasureImages(t *testing.T) float64 {
	t.Helper()
	var size counter
	images := append(functions.Manifest().Services(), "souk")
	for _, name := range images {
		program, err := os.Open(filepath.Join(programs, name))
		if err != nil {
			t.Fatal(err)
		}
		defer program.Close()
		compressed := gzip.NewWriter(&size)
		if _, err := io.Copy(compressed, program); err != nil {
			t.Fatal(err)
		}
		if err := compressed.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return math.Ceil(float64(size)/(1<<20)) + float64(len(images))*2
}

// counter counts the bytes that are written to it.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

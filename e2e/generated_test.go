package e2e_test

import (
	"bytes"
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/uuid"

	"souk/functions"
)

var (
	generated     = flag.Int("requests", 1500, "requests that TestGeneratedRequests sends")
	generatedSeed = flag.Uint64("requests-seed", 0, "seed of TestGeneratedRequests; 0 chooses one")
)

// apiOperation is an operation of openapi.yaml.
type apiOperation struct {
	method, path, resource string
	*openapi3.Operation
}

// rareOperations hash a password, read all rows, or end sessions and products that other
// requests need. They are sent less often.
var rareOperations = []string{
	"session-create", "user-register", "email-verify", "password-change", "password-reset", "password-reset-request",
	"product-import", "product-export", "user-export", "user-delete", "session-delete", "product-archive",
	"session-confirm", "email-change", "email-confirm", "email-revert", "second-factor-delete", "second-factor-reset",
	"user-role", "role-update", "role-delete",
}

// TestGeneratedRequests sends requests that are generated from openapi.yaml, valid and
// invalid, by every kind of caller. No response may be a 5xx or missing in the document
// (see checkContract), no process may crash, and the audit must find nothing afterwards.
func TestGeneratedRequests(t *testing.T) {
	// All callers share a network. The default limit, an attempt in 9 s, would make every
	// caller whose token was revoked wait for the wrong passwords of the others.
	t.Setenv("USER_LOGIN_TRIES_PER_NETWORK", "1000000")
	s := startSystem(t)
	s.skipUnlessOwned(t)
	if *generatedSeed == 0 {
		*generatedSeed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *generatedSeed)
	operations, shared := readOperations(t), newPools()
	first := &values{rand.New(rand.NewPCG(*generatedSeed, 0)), shared}
	all := s.callers(t, shared, first)
	admin, customer := s.admin(t), s.customer(t)
	for range 10 {
		shared.add(first, "products", s.mustCreateProduct(t, admin, customer, 1_000_000).ID.String())
	}
	var sent atomic.Int64
	var counts sync.Map // by operation and status
	var working sync.WaitGroup
	for n := range 8 {
		working.Go(func() {
			g := &generator{s: s, values: &values{rand.New(rand.NewPCG(*generatedSeed, uint64(1+n))), shared}, counts: &counts}
			for i := sent.Add(1); i <= int64(*generated) && !contractBroken.Load(); i = sent.Add(1) {
				if i%50_000 == 0 {
					t.Logf("%d requests sent", i)
				}
				by := all[g.IntN(len(all))]
				if g.IntN(3) > 0 { // most callers have an account
					by = all[g.IntN(5)]
				}
				g.send(t, g.operation(operations), by)
			}
		})
	}
	working.Wait()
	if contractBroken.Load() {
		t.Error("a response does not match openapi.yaml: see above")
	}
	requireCoverage(t, operations, &counts)
	s.requireNoCrash(t)
	eventually(t, "the audit finds nothing", func() bool { s.sweep(t); return s.audit(t, "--grace", "0s").OK })
}

func readOperations(t *testing.T) []apiOperation {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(functions.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	var all []apiOperation
	for _, path := range document.Paths.InMatchingOrder() {
		for method, operation := range document.Paths.Value(path).Operations() {
			resource := strings.TrimPrefix(path, "/v1/")
			if before, _, found := strings.Cut(resource, "/{"); found {
				resource = before
			}
			all = append(all, apiOperation{method, path, resource[strings.LastIndex(resource, "/")+1:], operation})
		}
	}
	slices.SortFunc(all, func(a, b apiOperation) int { return strings.Compare(a.OperationID, b.OperationID) })
	return all
}

// generator sends generated requests.
type generator struct {
	*values
	s      *system
	counts *sync.Map
}

// operation chooses an operation at random, with a lower weight of rare ones.
func (g *generator) operation(all []apiOperation) apiOperation {
	for {
		if o := all[g.IntN(len(all))]; !slices.Contains(rareOperations, o.OperationID) || g.IntN(20) == 0 {
			return o
		}
	}
}

func (g *generator) send(t *testing.T, o apiOperation, by *caller) {
	t.Helper()
	body, media := g.body(o)
	r, err := http.NewRequestWithContext(t.Context(), o.method, g.s.Gateway+g.path(o), strings.NewReader(body))
	if err != nil {
		return // a URL that no client can send
	}
	if body != "" || g.IntN(10) == 0 {
		r.Header.Set("Content-Type", media)
	}
	g.setHeaders(r, o)
	if g.IntN(60) == 0 {
		r.Header.Set("Content-Encoding", "gzip")
		if g.IntN(2) == 0 {
			r.Body, r.ContentLength = io.NopCloser(compress(body)), -1
		}
	}
	authorization := by.headers(t)
	r.Header["Authorization"] = authorization
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		if !strings.Contains(err.Error(), "invalid header field") {
			t.Errorf("%s by %s: %v", o.OperationID, by.name, err)
		}
		return
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	if err != nil {
		t.Errorf("%s by %s: read the response: %v", o.OperationID, by.name, err)
	}
	count, _ := g.counts.LoadOrStore(fmt.Sprintf("%s %d", o.OperationID, response.StatusCode), new(atomic.Int64))
	count.(*atomic.Int64).Add(1)
	switch {
	case response.StatusCode >= http.StatusInternalServerError:
		r.Header.Del("Authorization")
		t.Errorf("%s by %s: %d %s\n%s %s %v\n%.2000q", o.OperationID, by.name, response.StatusCode, got, o.method, r.URL, r.Header, body)
	case response.StatusCode == http.StatusUnauthorized:
		by.refused(authorization)
	case response.StatusCode < http.StatusMultipleChoices:
		g.pools.learn(g.values, o.resource, got)
	}
}

func compress(body string) *bytes.Buffer {
	var buffer bytes.Buffer
	w := gzip.NewWriter(&buffer)
	_, _ = w.Write([]byte(body)) // writing to a buffer cannot fail
	_ = w.Close()
	return &buffer
}

// path returns the operation's path with its parameters and a query.
func (g *generator) path(o apiOperation) string {
	path := o.path
	query := url.Values{}
	for _, ref := range o.Parameters {
		p := ref.Value
		switch {
		case p.In == "path":
			id := g.pools.any(g.values, o.resource)
			if id == "" || g.IntN(10) == 0 || o.OperationID == "user-role" && id == g.pools.admin {
				id = pick(g.values, []string{uuid.NewString(), "abc", "%00", "%ff", "..%2f", "me", strings.Repeat("9", 400)})
			}
			path = strings.ReplaceAll(path, "{"+p.Name+"}", id)
		case p.In == "query" && g.IntN(3) == 0:
			text := strings.Trim(write(g.generate(p.Schema, p.Name)), `"`)
			if g.IntN(4) == 0 {
				text = strings.Trim(string(g.odd()), `"`)
			}
			query.Add(p.Name, text)
		}
	}
	switch g.IntN(40) {
	case 0:
		query.Add("unexpected", "1")
	case 1:
		return path + "?q=100%"
	case 2:
		return path + "?" + query.Encode() + "&pageSize=1&pageSize=2;%zz"
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// body returns a body and its media type.
func (g *generator) body(o apiOperation) (body, media string) {
	if o.RequestBody == nil {
		if g.IntN(20) == 0 {
			return pick(g.values, []string{"{}", `{"a":1}`, "null", "x"}), "application/json"
		}
		return "", "application/json"
	}
	for media := range o.RequestBody.Value.Content {
		value := g.generate(o.RequestBody.Value.Content[media].Schema, "")
		for range g.IntN(5) - 2 {
			value = g.corrupt(value)
		}
		body := write(value)
		if strings.Contains(media, "csv") || strings.Contains(media, "ndjson") {
			body = g.catalogue(media)
		}
		switch g.IntN(40) {
		case 0:
			body = body[:g.IntN(len(body)+1)]
		case 1:
			body += pick(g.values, []string{body, "x", "\x00", " "})
		case 2:
			media = pick(g.values, []string{"text/plain", "application/xml", "application/json; charset=latin1", "", "multipart/form-data", "application/merge-patch+json"})
		}
		return body, media
	}
	return "", ""
}

func (g *generator) catalogue(media string) string {
	var lines []string
	if strings.Contains(media, "csv") {
		lines = append(lines, pick(g.values, []string{"sku,name,price,currency,stock", "sku,stockDelta", "sku", "name", "sku,sku", "sku,category,images,attributes"}))
	}
	for range g.IntN(6) {
		sku := fmt.Sprintf("G-%d", g.IntN(5000))
		if len(lines) > 0 && strings.HasPrefix(lines[0], "sku") {
			lines = append(lines, sku+strings.Repeat(","+pick(g.values, append(texts, "", "\"", "\xff", "\r")), strings.Count(lines[0], ",")))
			continue
		}
		value := any(members{{"sku", sku}, {"name", pick(g.values, texts)}, {"price", members{{"amount", g.IntN(5000)}, {"currency", "EUR"}}}, {"stock", g.IntN(9)}})
		if g.IntN(2) == 0 {
			value = g.corrupt(value)
		}
		lines = append(lines, write(value))
	}
	return strings.Join(lines, pick(g.values, []string{"\n", "\n", "\r\n"}))
}

func (g *generator) setHeaders(r *http.Request, o apiOperation) {
	tags := []string{"*", "*", "*", `"1"`, `"1"`, `"2"`, `"3"`, `W/"1"`, "1", `"1", "2"`, `""`, strings.Repeat(`"1",`, 500)}
	for name, choose := range map[string]func() string{
		"If-Match":      func() string { return pick(g.values, tags) },
		"If-None-Match": func() string { return pick(g.values, tags) },
		"Idempotency-Key": func() string {
			return pick(g.values, []string{uuid.NewString(), uuid.NewString(), uuid.NewString(), "used-before", "", strings.Repeat("k", 300), "a b"})
		},
		"Prefer": func() string {
			return pick(g.values, []string{"wait=0", "wait=1", "wait=x", "wait=-1", "return=minimal, wait=0", "wait"})
		},
		"Traceparent": func() string {
			return pick(g.values, []string{"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "00-0-0-0", "x"})
		},
		"X-Request-Id": func() string { return pick(g.values, []string{"mine", strings.Repeat("r", 500), "a b"}) },
		"Accept": func() string {
			return pick(g.values, []string{"application/json", "*/*", "text/html", "text/csv", "application/x-ndjson", ";;;"})
		},
	} {
		accepts := slices.ContainsFunc(o.Parameters, func(p *openapi3.ParameterRef) bool { return strings.EqualFold(p.Value.Name, name) })
		if accepts && g.IntN(10) > 0 || !accepts && g.IntN(30) == 0 {
			r.Header.Set(name, choose())
		}
	}
}

// requireCoverage logs how often each operation succeeded and was refused. In long runs it
// requires that each was refused at least once, since the generator otherwise misses it.
func requireCoverage(t *testing.T, operations []apiOperation, counts *sync.Map) {
	t.Helper()
	succeeded, refused := map[string]int64{}, map[string]int64{}
	counts.Range(func(key, value any) bool {
		var operation string
		var status int
		if _, err := fmt.Sscan(key.(string), &operation, &status); err != nil {
			t.Fatal(err)
		}
		n := value.(*atomic.Int64).Load()
		if status < http.StatusBadRequest {
			succeeded[operation] += n
		} else {
			refused[operation] += n
		}
		return true
	})
	for _, o := range operations {
		t.Logf("%-24s %8d succeeded %8d refused", o.OperationID, succeeded[o.OperationID], refused[o.OperationID])
		if refused[o.OperationID] == 0 && *generated >= 10_000 {
			t.Errorf("%s was never refused", o.OperationID)
		}
	}
}

// requireNoCrash requires that no process of a function crashed or panicked.
func (s *system) requireNoCrash(t *testing.T) {
	t.Helper()
	for name, log := range s.logs(t) {
		for line := range strings.Lines(log) {
			for _, sign := range []string{"function panicked", "instance died", "instance did not start", "fatal error: "} {
				if strings.Contains(line, sign) {
					t.Errorf("%s: %.2000s", name, line)
				}
			}
		}
	}
}

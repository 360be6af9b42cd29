package functiontest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"souk/shared/api"
	"souk/shared/function"
)

// Contract is what a system says of itself, to hold it to: its OpenAPI document
// and the schemas of its events. It is read once, when it is first needed.
type Contract struct {
	read func() (*contract, error)
}

// contract is a Contract that was read.
type contract struct {
	// operations has an operation for each route of the document.
	operations *http.ServeMux
	problem    *responseSchema
	// delivered and published are the schemas of events, by topic. An event that is
	// delivered may have more members than its schema names: consumers leave alone
	// what they do not know. One that is published may not: its publisher knows it.
	delivered, published map[string]*jsonschema.Schema
}

// operation is one of the document's.
type operation struct {
	*openapi3.Operation
	responses map[string]*responseSchema // by status
}

// ServeHTTP makes operation a http.Handler, to be found by a http.ServeMux.
func (operation) ServeHTTP(http.ResponseWriter, *http.Request) {}

// NewContract returns the contract of an OpenAPI document and a file system with
// events/TOPIC.schema.json.
func NewContract(document []byte, events fs.FS) *Contract {
	return &Contract{sync.OnceValues(func() (*contract, error) {
		c := &contract{operations: http.NewServeMux()}
		return c, errors.Join(c.readDocument(document), c.readEvents(events))
	})}
}

func (c *contract) readDocument(text []byte) error {
	document, err := openapi3.NewLoader().LoadFromData(text)
	if err != nil {
		return fmt.Errorf("read the OpenAPI document: %w", err)
	}
	if document.Components.Schemas["Problem"] == nil {
		return errors.New("read the OpenAPI document: it has no schema Problem")
	}
	schemas, err := newSchemas(document)
	if err != nil {
		return fmt.Errorf("read the OpenAPI document: %w", err)
	}
	c.problem = schemas.problem(api.ProblemType)
	for path, item := range document.Paths.Map() {
		for method, described := range item.Operations() {
			c.operations.Handle(method+" "+path, schemas.operation(method, path, described))
		}
	}
	return nil
}

// CheckResponse says how an answer is not what the document says: in its status,
// code, headers or body. Where the document has no operation, an answer that calls
// itself a problem still has to be one.
func (c *Contract) CheckResponse(r *http.Request, status int, header http.Header, body []byte) error {
	contract, err := c.read()
	if err != nil {
		return err
	}
	found, _ := contract.operations.Handler(r)
	asked, is := found.(operation)
	if header.Get(api.HeaderContentTypeOptions) != api.NoSniff {
		return fmt.Errorf("%s %s responds with %d without %s: %s", r.Method, r.URL.Path, status, api.HeaderContentTypeOptions, api.NoSniff)
	}
	if !is {
		return contract.checkProblem(header, body)
	}
	name := asked.OperationID
	if err := checkCaching(r, asked, status, header); err != nil {
		return fmt.Errorf("%s responds with %d and %w", name, status, err)
	}
	response, documented := asked.responses[strconv.Itoa(status)]
	if !documented {
		return fmt.Errorf("%s answers %d, code %s, which openapi.yaml does not say: add function.Fails to it and run `make generate`", name, status, codeOf(body))
	}
	if status == http.StatusNotModified {
		return nil // it has the headers of the response that it stands for, and no body
	}
	if err := response.check(header, body); err != nil {
		return fmt.Errorf("%s answers %d, code %s, but not as openapi.yaml says (a code it lacks: add function.Fails and run `make generate`): %w",
			name, status, codeOf(body), err)
	}
	return nil
}

// checkCaching returns how Cache-Control is not what the document states, and an error
// if ids of the request are in a response that caches share, or missing elsewhere. A
// server of one function has no gateway, so X-Request-Id is the function's own.
func checkCaching(r *http.Request, asked operation, status int, header http.Header) error {
	want, cacheable := asked.Extensions[function.ExtensionCacheControl].(string)
	if !cacheable || status >= http.StatusBadRequest || len(r.Header.Values("Authorization")) > 0 {
		want, cacheable = "no-store", false
	}
	if got := header.Values("Cache-Control"); len(got) != 1 || got[0] != want {
		return fmt.Errorf("Cache-Control %q, want %q", got, want)
	}
	for _, name := range []string{api.HeaderTraceID, api.HeaderRequestID} {
		if cacheable == (header.Get(name) != "") {
			return fmt.Errorf("Cache-Control %q and %s %q: exactly the responses that caches do not share have one", want, name, header.Get(name))
		}
	}
	return nil
}

func (c *contract) checkProblem(header http.Header, body []byte) error {
	if header.Get("Content-Type") != api.ProblemType || len(body) == 0 {
		return nil
	}
	return c.problem.checkBody(api.ProblemType, body)
}

func codeOf(body []byte) string {
	var problem struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(body, &problem); err != nil || problem.Code == "" {
		return "none"
	}
	return problem.Code
}

// hold fails the test when an answer of a server is not what the document says.
func (c *Contract) hold(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answered{ResponseWriter: w}
		next.ServeHTTP(a, r)
		if err := c.CheckResponse(r, cmp.Or(a.status, http.StatusOK), w.Header(), a.body.Bytes()); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
	})
}

// answered is an answer on its way, with a copy of it.
type answered struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (a *answered) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK { // a 1xx only announces the answer
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answered) Write(b []byte) (int, error) {
	a.body.Write(b)
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the writer below.
func (a *answered) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// Transport returns a transport that tells report how an answer is not what the
// document says. An answer that breaks off is left to whoever reads it.
func (c *Contract) Transport(next http.RoundTripper, report func(error)) http.RoundTripper {
	return transport{c, next, report}
}

type transport struct {
	contract *Contract
	next     http.RoundTripper
	report   func(error)
}

// RoundTrip makes transport a http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	rest := answer.Body
	answer.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), rest), rest}
	if err == nil {
		if err := t.contract.CheckResponse(r, answer.StatusCode, answer.Header, body); err != nil {
			t.report(fmt.Errorf("%s %s: %w", r.Method, r.URL, err))
		}
	}
	return answer, nil
}

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
	"souk/shared/function/openapi"
)

// Contract is the published contract of a system, to check it against: its OpenAPI document
// and the schemas of its events. It is parsed once, at its first use.
type Contract struct {
	read func() (*contract, error)
}

// contract is a parsed Contract.
type contract struct {
	// operations holds the operation of each route of the document.
	operations *http.ServeMux
	problem    *responseSchema
	// delivered and published are the schemas of events, by topic. A delivered event may
	// have members that are not in its schema, because consumers ignore unknown members.
	// A published event must not.
	delivered, published map[string]*jsonschema.Schema
}

// operation is an operation of the document.
type operation struct {
	*openapi3.Operation
	responses map[string]*responseSchema // by status
}

// ServeHTTP implements http.Handler, so that a http.ServeMux can match the operation.
func (operation) ServeHTTP(http.ResponseWriter, *http.Request) {}

// NewContract returns a new Contract of an OpenAPI document and a file system with
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

// CheckResponse returns an error if the status, code, headers or body of a response differ
// from the document. For a request without an operation it only checks problems.
func (c *Contract) CheckResponse(r *http.Request, status int, header http.Header, body []byte) error {
	contract, err := c.read()
	if err != nil {
		return err
	}
	found, _ := contract.operations.Handler(r)
	matched, isOperation := found.(operation)
	if header.Get(api.HeaderContentTypeOptions) != api.NoSniff {
		return fmt.Errorf("%s %s responds with %d without %s: %s", r.Method, r.URL.Path, status, api.HeaderContentTypeOptions, api.NoSniff)
	}
	if !isOperation {
		return contract.checkProblem(header, body)
	}
	name := matched.OperationID
	if err := checkCaching(r, matched, status, header); err != nil {
		return fmt.Errorf("%s responds with %d and %w", name, status, err)
	}
	response, documented := matched.responses[strconv.Itoa(status)]
	if !documented {
		return fmt.Errorf("%s responds with %d, code %s, which is not in openapi.yaml: add function.DocumentErrors to it and run `make generate`", name, status, problemCode(body))
	}
	if status == http.StatusNotModified {
		return nil // it has the headers of the full response, and no body
	}
	if err := response.check(header, body); err != nil {
		return fmt.Errorf("%s responds with %d, code %s, which differs from openapi.yaml (for a missing code add function.DocumentErrors and run `make generate`): %w",
			name, status, problemCode(body), err)
	}
	return nil
}

// checkCaching returns an error if Cache-Control differs from the document, if ids of the
// request are in a response that caches share, or if they are missing elsewhere. A server of
// one function has no gateway, so X-Request-Id is from the function.
func checkCaching(r *http.Request, matched operation, status int, header http.Header) error {
	want, cacheable := matched.Extensions[openapi.ExtensionCacheControl].(string)
	if !cacheable || status >= http.StatusBadRequest || len(r.Header.Values("Authorization")) > 0 {
		want, cacheable = "no-store", false
	}
	if got := header.Values("Cache-Control"); len(got) != 1 || got[0] != want {
		return fmt.Errorf("Cache-Control %q, want %q", got, want)
	}
	for _, name := range []string{api.HeaderTraceID, api.HeaderRequestID} {
		if cacheable == (header.Get(name) != "") {
			return fmt.Errorf("Cache-Control %q and %s %q: only responses that caches do not share must have one", want, name, header.Get(name))
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

func problemCode(body []byte) string {
	var problem struct {
		Code string `json:"code"`
	}
	if err := json.Unmarshal(body, &problem); err != nil || problem.Code == "" {
		return "none"
	}
	return problem.Code
}

// check returns a handler that fails the test if a response differs from the document.
func (c *Contract) check(t testing.TB, next http.Handler) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rr := &responseRecorder{ResponseWriter: w}
		next.ServeHTTP(rr, r)
		if err := c.CheckResponse(r, cmp.Or(rr.status, http.StatusOK), w.Header(), rr.body.Bytes()); err != nil {
			t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}
	})
}

// responseRecorder copies a response while it is written.
type responseRecorder struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

func (rr *responseRecorder) WriteHeader(status int) {
	if rr.status == 0 && status >= http.StatusOK { // a 1xx precedes the response
		rr.status = status
	}
	rr.ResponseWriter.WriteHeader(status)
}

func (rr *responseRecorder) Write(b []byte) (int, error) {
	rr.body.Write(b)
	return rr.ResponseWriter.Write(b)
}

// Unwrap returns the wrapped writer, for http.ResponseController.
func (rr *responseRecorder) Unwrap() http.ResponseWriter { return rr.ResponseWriter }

// Transport returns a transport that calls report if a response differs from the document.
// It does not check a response that is cut off: its reader gets the error.
func (c *Contract) Transport(next http.RoundTripper, report func(error)) http.RoundTripper {
	return transport{c, next, report}
}

type transport struct {
	contract *Contract
	next     http.RoundTripper
	report   func(error)
}

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	original := response.Body
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), original), original}
	if err == nil {
		if err := t.contract.CheckResponse(r, response.StatusCode, response.Header, body); err != nil {
			t.report(fmt.Errorf("%s %s: %w", r.Method, r.URL, err))
		}
	}
	return response, nil
}

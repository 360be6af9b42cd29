package functions_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"souk/functions"
	"souk/functions/order"
	"souk/shared/manifest"
)

// operationDocument is the part of an operation in openapi.yaml that the tests read.
type operationDocument struct {
	OperationID string `json:"operationId"`
	Summary     string `json:"summary"`
	Access      string `json:"x-access"`
	Responses   map[string]struct {
		Headers map[string]struct {
			Schema struct{ Examples []string }
		}
		Content map[string]struct {
			Schema struct {
				Ref string `json:"$ref"`
			}
			Example json.RawMessage
		}
	}
}

func mustParseDocument(t *testing.T) (paths map[string]map[string]operationDocument) {
	t.Helper()
	var tree any
	if err := yaml.Unmarshal(functions.OpenAPI, &tree); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	var document struct {
		Paths map[string]map[string]operationDocument
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	return document.Paths
}

// TestDocumentTexts requires that openapi.yaml names no file of the repository: users of
// the API do not have it.
func TestDocumentTexts(t *testing.T) {
	t.Parallel()
	for n, line := range strings.Split(string(functions.OpenAPI), "\n") {
		if n > 0 && regexp.MustCompile(`\b(docs|functions|shared|emulators|cmd)/|\.go\b|\.yaml\b|\.md\b|\bADR\b`).MatchString(line) {
			t.Errorf("openapi.yaml:%d names a file of the repository: %s", n+1, strings.TrimSpace(line))
		}
	}
}

// TestDocumentExamples checks the examples of every operation: the Location of a new
// resource, and the status of an order.
func TestDocumentExamples(t *testing.T) {
	t.Parallel()
	locations, orders := 0, 0
	for path, methods := range mustParseDocument(t) {
		for method, operation := range methods {
			entry, listed := functions.Manifest().Function(operation.OperationID)
			if !listed || operation.Access != string(entry.Access) {
				t.Errorf("%s %s: x-access is %q, functions.yaml has %q", method, path, operation.Access, entry.Access)
			}
			for status, response := range operation.Responses {
				for _, example := range response.Headers["Location"].Schema.Examples {
					locations++
					if !isServed(t, example) || !strings.HasPrefix(example, entry.Path()+"/") {
						t.Errorf("%s: Location is %s, which no function serves", entry.Name, example)
					}
				}
				for _, content := range response.Content {
					if strings.HasSuffix(content.Schema.Ref, "/Order") {
						orders++
						requireOrderExample(t, entry, status, content.Example)
					}
				}
			}
		}
	}
	if locations < 3 || orders < 5 {
		t.Errorf("only %d locations and %d orders were compared", locations, orders)
	}
}

// TestResponseSchemaNames requires that the schemas of responses have names, by which generated clients
// call their types. A body without a type of its own is named after the operation's request.
func TestResponseSchemaNames(t *testing.T) {
	t.Parallel()
	derived, compared := regexp.MustCompile(`Request\d*$|\d$`), 0
	for path, methods := range mustParseDocument(t) {
		for method, operation := range methods {
			for status, response := range operation.Responses {
				for _, content := range response.Content {
					if content.Schema.Ref == "" {
						continue
					}
					compared++
					if derived.MatchString(content.Schema.Ref) {
						t.Errorf("%s %s: the response %s has the schema %s: give the body a type", method, path, status, content.Schema.Ref)
					}
				}
			}
		}
	}
	if compared < 60 {
		t.Errorf("only %d schemas were compared", compared)
	}
}

// isServed reports whether a function serves one resource at a path.
func isServed(t *testing.T, path string) bool {
	t.Helper()
	mux := http.NewServeMux()
	for _, f := range functions.Manifest().Functions {
		if f.HTTP != "" {
			mux.Handle(f.HTTP, http.NotFoundHandler())
		}
	}
	for _, method := range []string{http.MethodGet, http.MethodPatch, http.MethodDelete} {
		request, err := http.NewRequestWithContext(t.Context(), method, path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if _, pattern := mux.Handler(request); strings.HasSuffix(pattern, "}") {
			return true
		}
	}
	return false
}

// requireOrderExample requires that an example is an order with a possible history, at the
// end of which it has its state. TestExamples compares the state with that of a response.
func requireOrderExample(t *testing.T, entry manifest.Function, status string, example []byte) {
	t.Helper()
	var o order.Order
	if err := json.Unmarshal(example, &o); err != nil {
		t.Errorf("%s: the example of %s is not an order: %v", entry.Name, status, err)
		return
	}
	if len(o.History) == 0 || o.History[len(o.History)-1].Status != o.Status || o.Version != int64(len(o.History)) {
		t.Errorf("%s: the example's status is %s with the history %+v and version %d", entry.Name, o.Status, o.History, o.Version)
	}
	at := slices.IndexFunc(o.History, func(m order.HistoryEntry) bool { return m.Status == order.Pending })
	for i := 1; i < len(o.History); i++ {
		if at != 0 || !o.History[i-1].Status.CanTransitionTo(o.History[i].Status) {
			t.Errorf("%s: an order cannot have the history %+v", entry.Name, o.History)
		}
	}
}

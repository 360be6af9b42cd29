package functiontest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// uuidFormat is `format: uuid` of the document: a UUID of RFC 9562, without Nil and Max.
var uuidFormat = regexp.MustCompile(openapi3.FormatOfStringForUUIDOfRFC9562)

// schemas compiles each schema of a document once, at its first use: compiling a schema takes
// longer than a hundred checks.
type schemas struct {
	mu       sync.Mutex // guards compiler
	compiler *jsonschema.Compiler
	shared   map[string]*responseSchema // by reference
}

// documentURL is the URL of the document in references.
const documentURL = "openapi.json"

func newSchemas(document *openapi3.T) (*schemas, error) {
	text, err := document.MarshalJSON()
	if err != nil {
		return nil, err
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	s := &schemas{compiler: jsonschema.NewCompiler(), shared: map[string]*responseSchema{}}
	s.compiler.DefaultDraft(jsonschema.Draft2020)
	s.compiler.AssertFormat()
	s.compiler.RegisterFormat(&jsonschema.Format{Name: "uuid", Validate: checkUUID})
	s.compiler.RegisterFormat(&jsonschema.Format{Name: "int64", Validate: checkInt64})
	return s, s.compiler.AddResource(documentURL, tree)
}

func checkUUID(value any) error {
	if text, ok := value.(string); ok && !uuidFormat.MatchString(text) {
		return fmt.Errorf("%q is not a UUID", text)
	}
	return nil
}

func checkInt64(value any) error {
	number, ok := value.(json.Number)
	if !ok {
		return nil
	}
	_, err := number.Int64()
	return err
}

// schema returns the compiled schema at a JSON pointer.
func (s *schemas) schema(pointer string) func() (*jsonschema.Schema, error) {
	return sync.OnceValues(func() (*jsonschema.Schema, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.compiler.Compile(documentURL + "#" + pointer)
	})
}

// pointerEscaper escapes a name for a JSON pointer (RFC 6901, section 6).
var pointerEscaper = strings.NewReplacer("~", "~0", "/", "~1", "%", "%25", "{", "%7B", "}", "%7D", "+", "%2B")

// operation returns an operation with the schemas of its responses.
func (s *schemas) operation(method, path string, described *openapi3.Operation) operation {
	o := operation{Operation: described, responses: map[string]*responseSchema{}}
	for status, response := range described.Responses.Map() {
		pointer := "/paths/" + pointerEscaper.Replace(path) + "/" + strings.ToLower(method) + "/responses/" + status
		o.responses[status] = s.response(pointer, response)
	}
	return o
}

// responseSchema describes the headers and the content of a response.
type responseSchema struct {
	headers map[string]headerSchema
	content map[string]func() (*jsonschema.Schema, error) // by media type
}

// headerSchema describes a header of a response.
type headerSchema struct {
	required bool
	schema   func() (*jsonschema.Schema, error)
}

func (s *schemas) response(pointer string, described *openapi3.ResponseRef) *responseSchema {
	if described.Ref != "" {
		pointer = strings.TrimPrefix(described.Ref, "#")
		if known := s.shared[pointer]; known != nil {
			return known
		}
	}
	r := &responseSchema{headers: map[string]headerSchema{}, content: map[string]func() (*jsonschema.Schema, error){}}
	for name, header := range described.Value.Headers {
		headerPointer := pointer + "/headers/" + pointerEscaper.Replace(name)
		if header.Ref != "" {
			headerPointer = strings.TrimPrefix(header.Ref, "#")
		}
		r.headers[name] = headerSchema{header.Value.Required, s.schema(headerPointer + "/schema")}
	}
	for media := range described.Value.Content {
		r.content[media] = s.schema(pointer + "/content/" + pointerEscaper.Replace(media) + "/schema")
	}
	s.shared[pointer] = r
	return r
}

// problem returns the schema of a problem with any code.
func (s *schemas) problem(media string) *responseSchema {
	return &responseSchema{content: map[string]func() (*jsonschema.Schema, error){media: s.schema("/components/schemas/Problem")}}
}

// check returns an error if a response differs from the document.
func (r *responseSchema) check(header http.Header, body []byte) error {
	for name, described := range r.headers {
		values := header.Values(name)
		if len(values) == 0 {
			if described.required {
				return fmt.Errorf("the header %s is missing", name)
			}
			continue
		}
		// Every header of the document is a string: another type fails here.
		if err := validate(described.schema, strings.Join(values, ", ")); err != nil {
			return fmt.Errorf("the header %s: %w", name, err)
		}
	}
	if len(r.content) == 0 {
		return nil
	}
	return r.checkBody(header.Get("Content-Type"), body)
}

// checkBody returns an error if a body differs from the document.
func (r *responseSchema) checkBody(media string, body []byte) error {
	media, _, _ = strings.Cut(media, ";")
	schema, documented := r.content[media]
	if !documented {
		return fmt.Errorf("a body of the media type %q, which is not documented", media)
	}
	var value any = string(body)
	if media == "application/json" || strings.HasSuffix(media, "+json") {
		var err error
		if value, err = jsonschema.UnmarshalJSON(bytes.NewReader(body)); err != nil {
			return fmt.Errorf("read the body %s: %w", body, err)
		}
	}
	return validate(schema, value)
}

func validate(compiled func() (*jsonschema.Schema, error), value any) error {
	schema, err := compiled()
	if err != nil {
		return fmt.Errorf("compile the schema: %w", err)
	}
	return schema.Validate(value)
}

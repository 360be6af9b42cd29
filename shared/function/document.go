package function

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"go.yaml.in/yaml/v3"

	"souk/shared/api"
	"souk/shared/idempotency"
	"souk/shared/manifest"
)

// Service has the parts of a service that the document needs.
type Service struct {
	Description string
	Build       Builder
}

// ExtensionCacheControl is the member of an operation with its Cache-Control.
const ExtensionCacheControl = "x-cache-control"

// Text is the documentation of an operation for API users.
type Text struct{ Summary, Description string }

// Describe returns the text of an operation and its handler.
type Describe func(entry manifest.Function, handler any) (Text, error)

// Document returns the OpenAPI 3.1 document of all functions that clients call, derived
// from their registration. It uses only the environment of the runtime. Its error names
// every function without a text.
func Document(runtime *Runtime, list *manifest.Manifest, services map[string]Service, describe Describe) (*huma.OpenAPI, error) {
	b := newBinder(runtime, list.Delivery)
	document := b.api.OpenAPI()
	describeShop(document)
	var errs []error
	for _, name := range list.Services() {
		service, known := services[name]
		if !known {
			return nil, fmt.Errorf("document service %s: it is listed, but missing", name)
		}
		document.Tags = append(document.Tags, &huma.Tag{Name: name, Description: service.Description})
		written, err := service.Build(runtime)
		if err != nil {
			return nil, fmt.Errorf("build service %s: %w", name, err)
		}
		listed, err := match(list.Of(name), written, name)
		if err != nil {
			return nil, err
		}
		for i, entry := range listed {
			if entry.HTTP == "" {
				continue
			}
			if _, err := written[i].bind(entry, b); err != nil {
				return nil, err
			}
			text, err := describe(entry, written[i].handler)
			if err != nil {
				errs = append(errs, fmt.Errorf("describe %s: %w", entry.Name, err))
				continue
			}
			errs = append(errs, b.document(entry, text))
		}
	}
	return document, errors.Join(errs...)
}

// document completes huma's description of an operation with the conventions of all
// operations.
func (b *binder) document(entry manifest.Function, text Text) error {
	document := b.api.OpenAPI()
	operation := findOperation(document, entry)
	if operation == nil {
		return fmt.Errorf("%s: no operation was registered for %s", entry.Name, entry.HTTP)
	}
	operation.Summary, operation.Description = text.Summary, text.Description
	operation.Tags = []string{entry.Service}
	operation.Security = []map[string][]string{}
	if entry.Access != manifest.Anyone {
		operation.Security = append(operation.Security, map[string][]string{bearer: {}})
	}
	// Tools such as the gateway's page mark the operations for admins.
	operation.Extensions = map[string]any{"x-access": entry.Access}
	if control := entry.CacheControl(); control != "" {
		operation.Extensions[ExtensionCacheControl] = control
	}
	documentParameters(operation, entry)
	documentSuccess(operation, entry, document.Components.Schemas)
	documentProblems(operation, entry, document.Components)
	return nil
}

func findOperation(document *huma.OpenAPI, entry manifest.Function) *huma.Operation {
	item := document.Paths[entry.Path()]
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
		http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}[entry.Method()]
}

// documentParameters adds the request headers of shared/api.
func documentParameters(operation *huma.Operation, entry manifest.Function) {
	operation.Parameters = slices.DeleteFunc(operation.Parameters, func(p *huma.Param) bool {
		// Content-Type is defined by the media types of the body: OpenAPI ignores a parameter
		// of that name.
		return p.Name == "If-Match" || p.Name == "Content-Type"
	})
	for _, p := range operation.Parameters {
		describeOnce(p)
	}
	add := func(p *huma.Param) { operation.Parameters = append(operation.Parameters, p) }
	switch entry.IdempotencyRule() {
	case manifest.KeyRequired:
		add(keyParam(true))
	case manifest.KeyOptional:
		add(&huma.Param{Ref: "#/components/parameters/" + idempotency.HeaderKey})
	case manifest.NoKey:
	}
	if (boundOperation{operation, entry}).isConditional() {
		add(&huma.Param{Ref: "#/components/parameters/If-Match"})
	}
	if operation.Method == http.MethodGet && success(operation).Headers["ETag"] != nil {
		add(&huma.Param{Ref: "#/components/parameters/If-None-Match"})
	}
}

// describeOnce moves the description of a header or parameter out of its schema.
func describeOnce(p *huma.Param) {
	if p.Schema != nil {
		p.Description, p.Schema.Description = cmp.Or(p.Description, p.Schema.Description), ""
	}
}

// success returns the response of an operation that does what it was boundOperation.
func success(operation *huma.Operation) *huma.Response {
	return operation.Responses[strconv.Itoa(operation.DefaultStatus)]
}

// documentSuccess removes response headers that the operation does not set, and adds
// examples of requests and responses.
func documentSuccess(operation *huma.Operation, entry manifest.Function, schemas huma.Registry) {
	response := success(operation)
	reads := func(header string) bool {
		return slices.ContainsFunc(operation.Parameters, func(p *huma.Param) bool { return p.Name == header })
	}
	if !reads("Prefer") {
		delete(response.Headers, "Preference-Applied")
	}
	if operation.DefaultStatus != http.StatusCreated {
		delete(response.Headers, "Location")
	}
	for name, header := range response.Headers {
		header.Required = name == "ETag" || name == "Location"
		describeOnce(header)
		if name == "Location" {
			header.Schema.Examples = []any{entry.Path() + "/" + exampleID}
		}
	}
	if response.Headers["ETag"] != nil && operation.Method == http.MethodGet {
		operation.Responses["304"] = &huma.Response{Ref: "#/components/responses/NotModified"}
	}
	for _, content := range response.Content {
		addExample(content, schemas)
		adjustExample(content, schemas, operation.OperationID)
	}
	if entry.IdempotencyRule() != manifest.NoKey {
		response.Headers = withHeader(response.Headers, idempotency.HeaderReplayed)
	}
	if control := entry.CacheControl(); control != "" {
		response.Headers = withHeader(response.Headers, "Cache-Control")
	}
	response.Headers = withHeader(withHeader(response.Headers, api.HeaderRequestID), api.HeaderTraceID)
	if operation.RequestBody != nil {
		for _, content := range operation.RequestBody.Content {
			addExample(content, schemas)
		}
	}
}

// YAML returns a document as YAML, in an order that is easy to read.
func YAML(document *huma.OpenAPI) ([]byte, error) {
	text, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("marshal the document: %w", err)
	}
	var node yaml.Node
	if err := yaml.Unmarshal(text, &node); err != nil { // JSON is YAML
		return nil, fmt.Errorf("marshal the document: %w", err)
	}
	arrange(&node)
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(&node); err != nil {
		return nil, fmt.Errorf("marshal the document: %w", err)
	}
	return out.Bytes(), nil
}

// firstKeys are the first keys of every mapping, in this order. All other keys follow by
// name.
var firstKeys = []string{
	"openapi", "info", "servers", "tags", "paths", "operationId", "name", "in", "title", "summary", "description",
	"required", "security", "parameters", "requestBody", "responses", "headers", "content", "type", "format", "schema",
}

// arrange sorts the keys of mappings and removes the style of JSON.
func arrange(node *yaml.Node) {
	node.Style = 0
	for _, part := range node.Content {
		arrange(part)
	}
	if node.Kind != yaml.MappingNode {
		return
	}
	pairs := slices.Collect(slices.Chunk(node.Content, 2))
	// patternDescription is huma's, for the texts of errors: OpenAPI has no such keyword.
	pairs = slices.DeleteFunc(pairs, func(pair []*yaml.Node) bool { return pair[0].Value == "patternDescription" })
	slices.SortStableFunc(pairs, func(a, b []*yaml.Node) int { return cmp.Compare(rank(a[0].Value), rank(b[0].Value)) })
	node.Content = slices.Concat(pairs...)
}

func rank(key string) int {
	if at := slices.Index(firstKeys, key); at >= 0 {
		return at
	}
	return len(firstKeys)
}

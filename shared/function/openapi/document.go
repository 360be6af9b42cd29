// Package openapi generates an OpenAPI document of the functions that clients call, and JSON
// Schemas of the events. Its sources are functions.yaml, what the services register and the
// comments of their handlers. The binaries of the functions do not include it.
package openapi

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/event"
	"souk/shared/function"
	"souk/shared/idempotency"
	"souk/shared/manifest"
)

// Service holds what the documents describe of a service.
type Service struct {
	Name, Description string
	Build             function.FunctionsFunc
	// Topics are the topics that the service publishes to.
	Topics []event.AnyTopic
	// Webhooks are the requests that the service sends to the endpoints of others.
	Webhooks []Webhook
}

// ExtensionCacheControl is the member of an operation with its Cache-Control.
const ExtensionCacheControl = "x-cache-control"

// Documentation is the documentation of an operation for API users.
type Documentation struct{ Summary, Description string }

// Describe returns the documentation of the operation of an entry, given its handler.
type Describe func(entry manifest.Function, handler any) (Documentation, error)

// targetNone is the target of a runtime that serves no function: its service then requires no
// secrets to register its functions.
const targetNone = "-"

// Document returns the OpenAPI 3.1 document of all functions that clients call, and of the webhooks
// of services, derived from their registration. Its error names every function without documentation, or without
// function.DocumentNotFound if its path identifies a resource.
func Document(m *manifest.Manifest, services []Service, describe Describe) (*huma.OpenAPI, error) {
	d := newDocumenter(describe)
	documentCommon(d.document)
	var errs []error
	for _, name := range m.Services() {
		at := slices.IndexFunc(services, func(s Service) bool { return s.Name == name })
		if at < 0 {
			return nil, fmt.Errorf("document service %s: it is in functions.yaml, but has no openapi.Service", name)
		}
		d.document.Tags = append(d.document.Tags, &huma.Tag{Name: name, Description: services[at].Description})
		runtime := function.NewRuntime(function.Options{Manifest: m, Service: name, Target: targetNone})
		listed, err := function.ListedFunctions(runtime, services[at].Build)
		if err != nil {
			return nil, err
		}
		for _, f := range listed {
			if f.Entry.HTTP != "" {
				errs = append(errs, d.add(f))
			}
		}
		errs = append(errs, d.addWebhooks(services[at]))
	}
	return d.document, errors.Join(errs...)
}

// documenter adds operations to a document.
type documenter struct {
	document *huma.OpenAPI
	api      huma.API
	names    *schemaNames
	describe Describe
}

func newDocumenter(describe Describe) *documenter {
	names := newSchemaNames()
	api := function.NewAPI(names.name)
	return &documenter{document: api.OpenAPI(), api: api, names: names, describe: describe}
}

// add adds a function's operation: huma's description of it, completed with its documentation, tag,
// access rule, the headers of shared/api, the errors of the layers around it, and examples.
func (d *documenter) add(f function.ListedFunction) error {
	d.names.operation = f.Entry.Name
	operation, err := f.Operation(d.api)
	if err != nil {
		return err
	}
	d.document.AddOperation(operation)
	o := listedOperation{operation, f.Entry}
	if o.hasPathParameter() && function.ErrorCodes(operation)[http.StatusNotFound] == nil {
		return fmt.Errorf("document %s: its path identifies a resource: register it with function.DocumentNotFound", f.Entry.Name)
	}
	documentation, err := d.describe(f.Entry, f.Function.Handler())
	if err != nil {
		return fmt.Errorf("describe %s: %w", f.Entry.Name, err)
	}
	operation.Summary, operation.Description = documentation.Summary, strings.TrimSpace(documentation.Description+o.permissionText())
	operation.Tags = []string{f.Entry.Service}
	operation.Security = []map[string][]string{}
	for _, scheme := range o.securitySchemes() {
		requirement := map[string][]string{}
		if scheme != noScheme {
			requirement[scheme] = []string{}
		}
		operation.Security = append(operation.Security, requirement)
	}
	// Tools, such as the documentation page of the gateway, mark the operations for staff.
	operation.Extensions = map[string]any{"x-access": f.Entry.Access}
	if control := f.Entry.CacheControl(); control != "" {
		operation.Extensions[ExtensionCacheControl] = control
	}
	o.documentParameters()
	o.documentSuccess(d.document.Components.Schemas)
	o.documentProblems(d.document.Components)
	return nil
}

// permissionText returns a paragraph about the permission that callers need, or "".
func (o listedOperation) permissionText() string {
	if needed, forStaff := o.entry.Access.Permission(); forStaff {
		return fmt.Sprintf("\n\nRequires the permission `%s`.", needed)
	}
	if o.entry.Others != "" {
		return fmt.Sprintf("\n\nStaff and API keys with the permission `%s` can use it for resources of all customers.", o.entry.Others)
	}
	return ""
}

// documentParameters adds the request headers of shared/api.
func (o listedOperation) documentParameters() {
	operation := o.operation
	operation.Parameters = slices.DeleteFunc(operation.Parameters, func(p *huma.Param) bool {
		// Content-Type is defined by the media types of the body: OpenAPI ignores a parameter
		// of that name.
		return p.Name == "If-Match" || p.Name == "Content-Type"
	})
	for _, p := range operation.Parameters {
		moveDescription(p)
	}
	add := func(p *huma.Param) { operation.Parameters = append(operation.Parameters, p) }
	switch o.entry.IdempotencyRule() {
	case manifest.KeyRequired:
		add(keyParam(true))
	case manifest.KeyOptional:
		add(&huma.Param{Ref: "#/components/parameters/" + idempotency.HeaderKey})
	case manifest.NoKey:
	}
	if o.isConditional() {
		add(&huma.Param{Ref: "#/components/parameters/If-Match"})
	}
	if operation.Method == http.MethodGet && success(operation).Headers["ETag"] != nil {
		add(&huma.Param{Ref: "#/components/parameters/If-None-Match"})
	}
}

// moveDescription moves the description of a header or parameter out of its schema.
func moveDescription(p *huma.Param) {
	if p.Schema != nil {
		p.Description, p.Schema.Description = cmp.Or(p.Description, p.Schema.Description), ""
	}
}

// success returns the response of an operation that succeeds.
func success(operation *huma.Operation) *huma.Response {
	return operation.Responses[strconv.Itoa(operation.DefaultStatus)]
}

// documentSuccess removes response headers that the operation does not set, and adds
// examples of requests and responses.
func (o listedOperation) documentSuccess(schemas huma.Registry) {
	operation, entry := o.operation, o.entry
	response := success(operation)
	accepts := func(header string) bool {
		return slices.ContainsFunc(operation.Parameters, func(p *huma.Param) bool { return p.Name == header })
	}
	if !accepts("Prefer") {
		delete(response.Headers, "Preference-Applied")
	}
	if operation.DefaultStatus != http.StatusCreated {
		delete(response.Headers, "Location")
	}
	for name, header := range response.Headers {
		header.Required = name == "ETag" || name == "Location"
		moveDescription(header)
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

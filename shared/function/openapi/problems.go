package openapi

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/function"
	"souk/shared/idempotency"
)

// documentProblems documents the errors of an operation. Responses that are the same for many
// operations are components.
func (o listedOperation) documentProblems(components *huma.Components) {
	operation := o.operation
	delete(operation.Responses, "default") // huma's, without information
	codesByStatus := maps.Clone(function.ErrorCodes(operation))
	for _, kind := range problemKinds {
		occurs, codes := kind.occurs(o), codesByStatus[kind.status]
		status := strconv.Itoa(kind.status)
		switch _, registered := codesByStatus[kind.status]; {
		case registered && occurs:
			operation.Responses[status] = problemResponse(kind, slices.Concat(codes, kind.codes))
		case registered:
			operation.Responses[status] = problemResponse(kind, codes)
		case occurs:
			name := strings.ReplaceAll(http.StatusText(kind.status), " ", "")
			components.Responses[name] = problemResponse(kind, kind.codes)
			operation.Responses[status] = &huma.Response{Ref: "#/components/responses/" + name}
		}
		delete(codesByStatus, kind.status)
	}
	for status, codes := range codesByStatus {
		operation.Responses[strconv.Itoa(status)] = problemResponse(problemKind{status: status, description: http.StatusText(status) + "."}, codes)
	}
}

// problemResponse returns the description of a problem whose code is one of codes, or any
// code if codes is empty. The first one is in the example.
func problemResponse(kind problemKind, codes []string) *huma.Response {
	example := map[string]any{
		"title": http.StatusText(kind.status), "status": kind.status, "code": strings.ToLower(strings.ReplaceAll(http.StatusText(kind.status), " ", "_")),
		"detail": strings.ReplaceAll(kind.description, "`", ""), "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
	}
	schema, description := &huma.Schema{Ref: "#/components/schemas/Problem"}, kind.description
	if len(codes) > 0 {
		example["code"] = codes[0]
		codes = slices.Compact(slices.Sorted(slices.Values(codes)))
		enum := make([]any, len(codes))
		for i, code := range codes {
			enum[i] = code
		}
		schema = &huma.Schema{AllOf: []*huma.Schema{schema, {Type: huma.TypeObject, Properties: map[string]*huma.Schema{
			"code": {Type: huma.TypeString, Enum: enum},
		}}}}
		description += " Codes: `" + strings.Join(codes, "`, `") + "`."
	}
	if kind.status == http.StatusBadRequest {
		example["errors"] = []any{map[string]any{"location": "query.colour", "code": api.FieldUnknown, "message": "unknown query parameter"}}
	}
	return &huma.Response{
		Description: description, Headers: problemHeaders(kind.status, codes),
		Content: map[string]*huma.MediaType{api.ProblemType: {Schema: schema, Example: example}},
	}
}

// problemHeaders returns the headers of a problem.
func problemHeaders(status int, codes []string) map[string]*huma.Param {
	headers := withHeader(withHeader(nil, api.HeaderRequestID), api.HeaderTraceID)
	var more []string
	switch status {
	case http.StatusUnauthorized:
		more = []string{"WWW-Authenticate"}
	case http.StatusConflict:
		if slices.Contains(codes, "idempotency_in_flight") {
			more = []string{"Retry-After", idempotency.HeaderReplayed}
		}
	case http.StatusUnsupportedMediaType:
		more = []string{"Accept-Encoding", "Accept-Patch"}
	case http.StatusTooManyRequests:
		more = []string{"Retry-After", "RateLimit", "RateLimit-Policy"}
	case http.StatusServiceUnavailable:
		more = []string{"Retry-After"}
	}
	for _, name := range more {
		headers = withHeader(headers, name)
	}
	return headers
}

func withHeader(headers map[string]*huma.Param, name string) map[string]*huma.Param {
	headers = maps.Clone(headers)
	if headers == nil {
		headers = map[string]*huma.Param{}
	}
	headers[name] = &huma.Param{Ref: "#/components/headers/" + name}
	return headers
}

package function

import (
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
)

// Created sets 201 as the success status of an HTTP function.
func Created(operation *huma.Operation) { operation.DefaultStatus = http.StatusCreated }

// unconditional is the key of Unconditional in the metadata of an operation.
const unconditional = "unconditional"

// Unconditional accepts a DELETE or PATCH without If-Match. It is for resources without a
// version that the caller could have read, such as sessions.
func Unconditional(operation *huma.Operation) {
	setMetadata(operation, unconditional, true)
}

// IsUnconditional reports whether an operation was registered with Unconditional.
func IsUnconditional(operation *huma.Operation) bool {
	return operation.Metadata[unconditional] != nil
}

// Fails documents the codes of an HTTP function's own errors with a status. The errors of
// the layers around every function are documented without it.
func Fails(status int, codes ...string) func(*huma.Operation) {
	return func(operation *huma.Operation) {
		codesByStatus := maps.Clone(Failures(operation))
		codesByStatus[status] = append(codesByStatus[status], codes...)
		setMetadata(operation, failures, codesByStatus)
	}
}

// Resource documents the 404 of a function whose path identifies a resource of a kind; see
// api.NotFound.
func Resource(kind string) func(*huma.Operation) {
	return Fails(http.StatusNotFound, kind+api.NotFoundSuffix)
}

// failures is the key of Fails' codes in the metadata of an operation.
const failures = "failures"

// Failures returns the codes that an operation was registered with, by status: see Fails.
func Failures(operation *huma.Operation) map[int][]string {
	if codes, ok := operation.Metadata[failures].(map[int][]string); ok {
		return codes
	}
	return map[int][]string{}
}

// setMetadata sets a property of an operation for the layers around it.
func setMetadata(operation *huma.Operation, key string, value any) {
	if operation.Metadata == nil {
		operation.Metadata = map[string]any{}
	}
	operation.Metadata[key] = value
}

package function

import (
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
)

// Created sets 201 as the success status of an HTTP function.
func Created(operation *huma.Operation) { operation.DefaultStatus = http.StatusCreated }

// unconditionalKey is the key of Unconditional in the metadata of an operation.
const unconditionalKey = "unconditional"

// Unconditional accepts a PUT, PATCH or DELETE without If-Match. It is for resources without a
// version that the caller could have read, such as sessions, and for changes that do not depend on what
// the caller has read, such as a new password.
func Unconditional(operation *huma.Operation) {
	setMetadata(operation, unconditionalKey, true)
}

// IsUnconditional reports whether an operation was registered with Unconditional.
func IsUnconditional(operation *huma.Operation) bool {
	return operation.Metadata[unconditionalKey] != nil
}

// sharesConnectionsKey is the key of SharesConnections in the metadata of an operation.
const sharesConnectionsKey = "sharesConnections"

// SharesConnections is for operations whose concurrent requests read by shared statements
// (database.BatchReader, database.SharedReader): all requests that an instance gets are worked
// on at the same time, so that they meet. See admissionLimit.
func SharesConnections(operation *huma.Operation) {
	setMetadata(operation, sharesConnectionsKey, true)
}

// DocumentErrors adds codes of a function's own errors, with their status, to its
// documentation. The errors of the layers around every function are documented without it.
func DocumentErrors(status int, codes ...string) func(*huma.Operation) {
	return func(operation *huma.Operation) {
		codesByStatus := maps.Clone(ErrorCodes(operation))
		codesByStatus[status] = append(codesByStatus[status], codes...)
		setMetadata(operation, errorCodesKey, codesByStatus)
	}
}

// DocumentNotFound adds the 404 of a function whose path identifies a resource of a kind to
// its documentation; see api.NotFound.
func DocumentNotFound(kind string) func(*huma.Operation) {
	return DocumentErrors(http.StatusNotFound, kind+api.NotFoundSuffix)
}

// errorCodesKey is the key of the codes of DocumentErrors in the metadata of an operation.
const errorCodesKey = "errorCodes"

// ErrorCodes returns the error codes that an operation was registered with, by status; see
// DocumentErrors.
func ErrorCodes(operation *huma.Operation) map[int][]string {
	if codes, ok := operation.Metadata[errorCodesKey].(map[int][]string); ok {
		return codes
	}
	return map[int][]string{}
}

// setMetadata stores a value in the metadata of an operation, which the layers around the
// operation read.
func setMetadata(operation *huma.Operation, key string, value any) {
	if operation.Metadata == nil {
		operation.Metadata = map[string]any{}
	}
	operation.Metadata[key] = value
}

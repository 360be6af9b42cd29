package openapi

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/function"
	"souk/shared/manifest"
)

// listedOperation is an operation with its entry in functions.yaml. Together they determine
// with which errors the layers around the operation may respond.
type listedOperation struct {
	operation *huma.Operation
	entry     manifest.Function
}

func always(listedOperation) bool                { return true }
func (o listedOperation) needsToken() bool       { return o.entry.Access != manifest.Anyone }
func (o listedOperation) isForAdmins() bool      { return o.entry.Access == manifest.Admin }
func (o listedOperation) hasPathParameter() bool { return strings.Contains(o.entry.Path(), "{") }
func (o listedOperation) hasKey() bool           { return o.entry.IdempotencyRule() != manifest.NoKey }
func (o listedOperation) isConditional() bool {
	return !function.IsUnconditional(o.operation) &&
		slices.Contains([]string{http.MethodPatch, http.MethodDelete}, o.operation.Method)
}

// isRateLimited reports whether the number of requests is limited. It is for a POST without
// an access token, because anyone can send it, and for requests that store an idempotency key.
func (o listedOperation) isRateLimited() bool {
	return !o.needsToken() && o.operation.Method == http.MethodPost || o.hasKey()
}

// problemKind is an error status that many operations respond with.
type problemKind struct {
	status      int
	codes       []string // of the layers around an operation
	description string
	// occurs reports whether the layers around an operation respond with the status.
	occurs func(listedOperation) bool
}

// problemKinds lists the errors of the layers around an operation: authorization, decoding,
// conditional requests, idempotency, body and rate limits, and the gateway.
var problemKinds = []problemKind{
	{http.StatusBadRequest, []string{api.CodeInvalid}, "The request is invalid: `errors` lists the errors of its fields.", always},
	{http.StatusUnauthorized, []string{api.CodeUnauthorized, api.CodeTokenRevoked}, "The access token is missing or not valid. After `token_revoked`, renew it with `POST /v1/sessions/refresh`.", listedOperation.needsToken},
	{http.StatusForbidden, []string{api.CodeForbidden}, "The role of the account does not allow the operation.", listedOperation.isForAdmins},
	{http.StatusNotFound, nil, "The resource does not exist, or belongs to another account.", listedOperation.hasPathParameter},
	{http.StatusRequestTimeout, []string{"request_timeout"}, "The request body took too long to arrive.", always},
	{http.StatusConflict, []string{"idempotency_in_flight"}, "The state of the resource does not allow the operation, or a request with the same Idempotency-Key is in progress.", listedOperation.hasKey},
	{http.StatusPreconditionFailed, []string{"version_mismatch"}, "The resource has changed since the version in If-Match.", listedOperation.isConditional},
	{http.StatusRequestEntityTooLarge, []string{"body_too_large"}, "The request body is too long.", always},
	{http.StatusUnsupportedMediaType, []string{api.CodeMediaType}, "The operation does not accept the media type or the content coding of the request body.", always},
	{http.StatusUnprocessableEntity, []string{"idempotency_key_reused"}, "The Idempotency-Key was sent before with another request.", listedOperation.hasKey},
	{http.StatusPreconditionRequired, []string{"precondition_required"}, "If-Match is missing.", listedOperation.isConditional},
	{http.StatusTooManyRequests, []string{api.CodeTooManyRequests}, "Too many requests: wait for the seconds in Retry-After.", listedOperation.isRateLimited},
	{http.StatusInternalServerError, []string{api.CodeInternal}, "An internal error occurred.", always},
	{http.StatusBadGateway, []string{"bad_gateway"}, "The server closed the connection before it responded. The operation may have taken effect.", always},
	{http.StatusServiceUnavailable, []string{api.CodeUnavailable}, "The shop is unavailable or busy. Try again.", always},
	{http.StatusGatewayTimeout, []string{"timeout"}, "The function took too long. The operation may have taken effect.", always},
}

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
func (o listedOperation) verifiesToken() bool    { return len(o.securitySchemes()) > 0 }
func (o listedOperation) acceptsKeys() bool      { return o.entry.Access.IsStaff() || o.entry.Others != "" }
func (o listedOperation) hasPathParameter() bool { return strings.Contains(o.entry.Path(), "{") }
func (o listedOperation) hasKey() bool           { return o.entry.IdempotencyRule() != manifest.NoKey }
func (o listedOperation) isConditional() bool {
	return !function.IsUnconditional(o.operation) &&
		slices.Contains([]string{http.MethodPut, http.MethodPatch, http.MethodDelete}, o.operation.Method)
}

// securitySchemes returns the security schemes that an operation accepts, one of which is to be
// used; none if the operation ignores tokens.
func (o listedOperation) securitySchemes() []string {
	schemes := []string{bearer}
	switch o.entry.Access {
	case manifest.Anyone:
		if o.entry.Authentication != manifest.OptionalToken {
			return nil
		}
		schemes = []string{noScheme, bearer}
	case manifest.Checkout:
		schemes = append(schemes, checkout)
	}
	if o.acceptsKeys() {
		schemes = append(schemes, apiKey)
	}
	return schemes
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
	{http.StatusUnauthorized, []string{api.CodeUnauthorized, api.CodeTokenRevoked}, "The access token or API key is missing or not valid. After `token_revoked`, renew it with `POST /v1/sessions/refresh`.", listedOperation.verifiesToken},
	{http.StatusForbidden, []string{api.CodeForbidden, api.CodeNetworkNotAllowed}, "The role of the account, or the API key, does not have the permission that the operation needs; or the key is not allowed from the network of the request.", listedOperation.verifiesToken},
	{http.StatusNotFound, nil, "The resource does not exist, or belongs to another account.", listedOperation.hasPathParameter},
	{http.StatusRequestTimeout, []string{"request_timeout"}, "The request body took too long to arrive.", always},
	{http.StatusConflict, []string{"idempotency_in_flight"}, "The state of the resource does not allow the operation, or a request with the same Idempotency-Key is in progress.", listedOperation.hasKey},
	{http.StatusPreconditionFailed, []string{"version_mismatch"}, "The resource has changed since the version in If-Match.", listedOperation.isConditional},
	{http.StatusRequestEntityTooLarge, []string{"body_too_large"}, "The request body is too long.", always},
	{http.StatusUnsupportedMediaType, []string{api.CodeMediaType}, "The operation does not accept the media type or the content coding of the request body.", always},
	{http.StatusUnprocessableEntity, []string{"idempotency_key_reused"}, "The Idempotency-Key was sent before with another request.", listedOperation.hasKey},
	{http.StatusPreconditionRequired, []string{"precondition_required"}, "If-Match is missing.", listedOperation.isConditional},
	{http.StatusTooManyRequests, []string{api.CodeTooManyRequests}, "Too many requests, of one client, with one API key, or for the instances that may run: wait for the seconds in Retry-After.", always},
	{http.StatusInternalServerError, []string{api.CodeInternal}, "An internal error occurred.", always},
	{http.StatusBadGateway, []string{"bad_gateway"}, "The server closed the connection before it responded. The operation may have taken effect.", always},
	{http.StatusServiceUnavailable, []string{api.CodeUnavailable, api.CodeOverloaded}, "The shop is unavailable or busy. Try again after the seconds in Retry-After.", always},
	{http.StatusGatewayTimeout, []string{"timeout"}, "The function took too long. The operation may have taken effect.", always},
}

package function

import (
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/idempotency"
	"souk/shared/manifest"
)

// bearer is the name that the document gives to access tokens.
const bearer = "bearer"

// describeShop writes the parts of the document that belong to no operation.
func describeShop(document *huma.OpenAPI) {
	document.OpenAPI = "3.1.0"
	document.Info = &huma.Info{
		Title: "Souk", Version: "1",
		Description: "The API of a shop: its catalogue, its orders and its accounts. Every operation is one function.\n\n" +
			"- Errors are problem details (RFC 9457) with a stable `code`; what is wrong with the input is in `errors`, each place with a stable `code`, at most 20 of them.\n" +
			"- Money is whole minor units and a currency. Times are RFC 3339 in UTC. Ids are UUIDs.\n" +
			"- Lists are cut by key: send `nextPageToken` as `pageToken` for the next page.\n" +
			"- Things carry an `ETag`: send it as `If-Match` to change the version you saw, as `If-None-Match` to ask for news.\n" +
			"- A `POST` with an `Idempotency-Key` can be sent again: it takes effect once, and has the same response for 24 hours. An account has 10,000 keys in that time; more are refused with 429. While the first send is under way another is a 409 `idempotency_in_flight`. Invalid input, 401, 403, 404, 429, 5xx and responses with `Retry-After` are not stored.\n" +
			"- Fields and query parameters that an operation does not know, also in another case, and those sent twice are refused.\n" +
			"- Text is UTF-8. It is trimmed and has no control characters; text of `format: multiline` may have line feeds and tabs.\n" +
			"- A `PATCH` is a JSON Merge Patch (RFC 7396): `null` clears a field that may be null, and is refused for every other.\n" +
			"- Send `X-Request-Id` to find a request in your logs and ours by one name, and `traceparent` (W3C Trace Context) to have it in your trace.",
		License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
	}
	document.Servers = []*huma.Server{{URL: "/", Description: "Where this document is served."}}
	components := document.Components
	components.SecuritySchemes = map[string]*huma.SecurityScheme{bearer: {
		Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The `accessToken` that `POST /v1/sessions` answers with.",
	}}
	components.Parameters = map[string]*huma.Param{
		idempotency.HeaderKey: keyParam(false),
		"If-Match":            headerParam("If-Match", true, `"3"`, "The ETag of the version that the change is meant for, or * for whatever is there."),
		"If-None-Match":       headerParam("If-None-Match", false, `"3"`, "The ETag that you have: the answer is 304 if it is still that."),
	}
	components.Headers = map[string]*huma.Param{
		api.HeaderRequestID: answerHeader("The id of the request, as our logs have it: the one you sent, or a new one. "+
			"Absent where Cache-Control is public.", "0199c0de-0000-7000-8000-00000000abcd"),
		api.HeaderTraceID: answerHeader("The id of the request's trace, as in `traceId` of a problem. Quote it when you ask for help. "+
			"Absent where Cache-Control is public.", "4bf92f3577b34da6a3ce929d0e0e4736"),
		"Cache-Control": answerHeader("How long caches may serve the response (RFC 9111, section 5.2.2). "+
			"no-store for a request with Authorization: it bypasses caches.", "public, max-age=60"),
		"Accept-Encoding":          answerHeader("The content codings that the operation takes (RFC 9110, section 15.5.16).", "identity"),
		"Accept-Patch":             answerHeader("The media types that the operation takes (RFC 5789, section 3.1).", "application/json, application/merge-patch+json"),
		idempotency.HeaderReplayed: answerHeader("true: this is the stored answer to the first request with that Idempotency-Key.", "true"),
		"Retry-After":              answerHeader("Seconds to wait before you try again (RFC 9110, section 10.2.3).", "1"),
		"RateLimit":                answerHeader("What is left of the limit that was met, and the seconds until there is more (draft-ietf-httpapi-ratelimit-headers).", `"sign-in";r=0;t=30`),
		"RateLimit-Policy":         answerHeader("The limit that was met: how many in how many seconds.", `"sign-in";q=10;w=60`),
		"WWW-Authenticate":         answerHeader("How to authenticate (RFC 6750, section 3).", "Bearer"),
	}
	components.Responses = map[string]*huma.Response{
		"NotModified": {Description: "It is still what If-None-Match names.", Headers: withHeader(map[string]*huma.Param{
			"ETag": answerHeader("The version.", `"3"`), api.HeaderTraceID: {Ref: "#/components/headers/" + api.HeaderTraceID},
		}, api.HeaderRequestID)},
	}
}

func keyParam(required bool) *huma.Param {
	p := headerParam(idempotency.HeaderKey, required, "b7f0c2de-4f5e-4a3c-9d5b-6a1f0e8c7d21",
		"Names this one attempt, such as a random UUID. A request that is sent again with the key has no second effect.")
	p.Schema.MinLength, p.Schema.MaxLength, p.Schema.Pattern = new(1), new(idempotency.MaxKeyLength), "^[!-~]+$"
	return p
}

func headerParam(name string, required bool, example, description string) *huma.Param {
	return &huma.Param{
		Name: name, In: "header", Required: required, Schema: &huma.Schema{Type: huma.TypeString},
		Example: example, Description: description,
	}
}

func answerHeader(description, example string) *huma.Param {
	return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
}

// asked is an operation and its entry in the list: what tells which errors the
// layers around it may answer with.
type asked struct {
	operation *huma.Operation
	entry     manifest.Function
}

func always(asked) bool           { return true }
func (a asked) needsToken() bool  { return a.entry.Access != manifest.Anyone }
func (a asked) isForAdmins() bool { return a.entry.Access == manifest.Admin }
func (a asked) namesOne() bool    { return strings.Contains(a.entry.Path(), "{") }
func (a asked) hasKey() bool      { return a.entry.IdempotencyRule() != manifest.NoKey }
func (a asked) isConditional() bool {
	return a.operation.Metadata[unconditional] == nil &&
		slices.Contains([]string{http.MethodPatch, http.MethodDelete}, a.operation.Method)
}

// isLimited reports whether the number of requests is limited: those of unknown
// callers that cost the shop something, and those that store a key.
func (a asked) isLimited() bool {
	return !a.needsToken() && a.operation.Method == http.MethodPost || a.hasKey()
}

// problemKind is a status that many operations answer with.
type problemKind struct {
	status      int
	codes       []string // of the layers around an operation
	description string
	// occurs says whether an operation answers so though it does not say it.
	occurs func(asked) bool
}

// problemKinds is the one place that says which errors the shared layers answer
// with: the access rules, the decoder, the conventions, the gateway.
var problemKinds = []problemKind{
	{http.StatusBadRequest, []string{api.CodeInvalid}, "The request breaks a rule: `errors` names every fault.", always},
	{http.StatusUnauthorized, []string{api.CodeUnauthorized, api.CodeTokenRevoked}, "There is no access token, or it is not valid. After `token_revoked`, renew it by `POST /v1/sessions/refresh`.", asked.needsToken},
	{http.StatusForbidden, []string{api.CodeForbidden}, "The account may not do this.", asked.isForAdmins},
	{http.StatusNotFound, nil, "There is no such thing, or it is somebody else's.", asked.namesOne},
	{http.StatusRequestTimeout, []string{"request_timeout"}, "The request's body took too long to arrive.", always},
	{http.StatusConflict, []string{"idempotency_in_flight"}, "It cannot be done as things stand.", asked.hasKey},
	{http.StatusPreconditionFailed, []string{"version_mismatch"}, "It has changed since the version that If-Match names.", asked.isConditional},
	{http.StatusRequestEntityTooLarge, []string{"body_too_large"}, "The request's body is too long.", always},
	{http.StatusUnsupportedMediaType, []string{codeMediaType}, "The request's body has a media type or a content coding that the operation does not take.", always},
	{http.StatusUnprocessableEntity, []string{"idempotency_key_reused"}, "The Idempotency-Key was sent before, with another request.", asked.hasKey},
	{http.StatusPreconditionRequired, []string{"precondition_required"}, "If-Match is missing.", asked.isConditional},
	{http.StatusTooManyRequests, []string{api.CodeTooManyRequests}, "Too often: wait as long as Retry-After says.", asked.isLimited},
	{http.StatusInternalServerError, []string{api.CodeInternal}, "Something went wrong here.", always},
	{http.StatusBadGateway, []string{"bad_gateway"}, "The function broke off before it answered. What it was asked may have been done.", always},
	{http.StatusServiceUnavailable, []string{api.CodeUnavailable}, "It can't be done just now. Try again.", always},
	{http.StatusGatewayTimeout, []string{"timeout"}, "The function took too long. What it was asked may have been done.", always},
}

package openapi

import (
	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/idempotency"
)

// The names of the security schemes: access tokens, the tokens of checkouts, and API keys. noScheme is no
// scheme, for an operation whose callers need no token.
const (
	bearer   = "bearer"
	checkout = "checkout"
	apiKey   = "apiKey"
	noScheme = ""
)

// description is the description of the API.
const description = "The API of a shop: catalogue, orders and accounts.\n\n" +
	"- Errors are problem details (RFC 9457) with a stable `code`. `errors` lists errors of the input, each with its location and a stable `code`, at most 20.\n" +
	"- Money is an amount in whole minor units and a currency. Times are RFC 3339 in UTC. Ids are UUIDs.\n" +
	"- Lists are paginated: send `nextPageToken` as `pageToken` to get the next page.\n" +
	"- Resources have an `ETag`: send it as `If-Match` to change the version that you have read, as `If-None-Match` to check for changes.\n" +
	"- A `POST` with an `Idempotency-Key` can be sent again: it takes effect once and has the same response for 24 hours. An account can use 10,000 keys in that time; more are refused with 429. While the first request is in progress, others get 409 `idempotency_in_flight`. Invalid input, 401, 403, 404, 429, 5xx and responses with `Retry-After` are not stored.\n" +
	"- Under overload a request gets 503 `overloaded` at once: it had no effect. Send it again after the seconds in `Retry-After`.\n" +
	"- Unknown fields and query parameters are refused, and so are duplicates and names that differ only in letter case.\n" +
	"- Text is UTF-8. It is trimmed and must not contain control characters; text of `format: multiline` may contain line feeds and tabs. Other text must not contain invisible characters (zero-width spaces, changes of direction); text of `format: label` contains none at all.\n" +
	"- A `PATCH` is a JSON Merge Patch (RFC 7396): `null` clears a nullable field and is refused for other fields.\n" +
	"- Send `X-Request-Id` to identify a request in your logs and the shop's, and `traceparent` (W3C Trace Context) to make it part of your trace."

// documentCommon documents what is common to all operations: the API itself, its security
// scheme, parameters and headers.
func documentCommon(document *huma.OpenAPI) {
	document.OpenAPI = "3.1.0"
	document.Info = &huma.Info{
		Title: "Souk", Version: "1",
		Description: description,
		License:     &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
	}
	document.Servers = []*huma.Server{{URL: "/", Description: "Where this document is served."}}
	components := document.Components
	components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearer: {
			Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The `accessToken` in the response of `POST /v1/sessions`.",
		},
		checkout: { //nolint:gosec // the form of a token
			Type: "http", Scheme: "bearer", BearerFormat: "souk_checkout_…",
			Description: "The `token` in the response of `POST /v1/checkouts` to a guest, or in the link of a mail about a guest's order. It allows to read and change that checkout and its order.",
		},
	}
	components.SecuritySchemes[apiKey] = &huma.SecurityScheme{ //nolint:gosec // G101: a description
		Type: "http", Scheme: "bearer", BearerFormat: "souk_live_…",
		Description: "The `secret` in the response of `POST /v1/keys`: an API key of a program, with permissions of its own.",
	}
	components.Parameters = map[string]*huma.Param{
		idempotency.HeaderKey: keyParam(false),
		"If-Match":            headerParam("If-Match", true, `"3"`, "The ETag of the version to change, or * for any version."),
		"If-None-Match":       headerParam("If-None-Match", false, `"3"`, "The ETag of the version that you have: the response is 304 if it is still current."),
	}
	components.Headers = map[string]*huma.Param{
		api.HeaderRequestID: responseHeader("The id of the request in the shop's logs: the one that you sent, or a new one. "+
			"Absent if Cache-Control is public.", "0199c0de-0000-7000-8000-00000000abcd"),
		api.HeaderTraceID: responseHeader("The id of the request's trace, as in `traceId` of a problem. Include it in support requests. "+
			"Absent if Cache-Control is public.", "4bf92f3577b34da6a3ce929d0e0e4736"),
		"Cache-Control": responseHeader("How long caches may serve the response (RFC 9111, section 5.2.2). "+
			"no-store for a request with Authorization: it bypasses caches.", "public, max-age=60"),
		"Accept-Encoding":          responseHeader("The content codings that the operation accepts (RFC 9110, section 15.5.16).", "identity"),
		"Accept-Patch":             responseHeader("The media types that the operation accepts (RFC 5789, section 3.1).", "application/json, application/merge-patch+json"),
		idempotency.HeaderReplayed: responseHeader("true: this is the stored response to the first request with the Idempotency-Key.", "true"),
		"Retry-After":              responseHeader("Seconds to wait before trying again (RFC 9110, section 10.2.3).", "1"),
		"RateLimit":                responseHeader("The remaining quota of the limit that was reached, and the seconds until it increases (draft-ietf-httpapi-ratelimit-headers).", `"sign-in";r=0;t=30`),
		"RateLimit-Policy":         responseHeader("The limit that was reached: its quota, and its window in seconds.", `"sign-in";q=10;w=60`),
		"WWW-Authenticate":         responseHeader("How to authenticate (RFC 6750, section 3).", "Bearer"),
	}
	components.Responses = map[string]*huma.Response{
		"NotModified": {Description: "The version in If-None-Match is still current.", Headers: withHeader(map[string]*huma.Param{
			"ETag": responseHeader("The version.", `"3"`), api.HeaderTraceID: {Ref: "#/components/headers/" + api.HeaderTraceID},
		}, api.HeaderRequestID)},
	}
}

func keyParam(required bool) *huma.Param {
	p := headerParam(idempotency.HeaderKey, required, "b7f0c2de-4f5e-4a3c-9d5b-6a1f0e8c7d21",
		"Identifies the request, such as a random UUID. A request that is sent again with the same key has no second effect.")
	p.Schema.MinLength, p.Schema.MaxLength, p.Schema.Pattern = new(1), new(idempotency.MaxKeyLength), "^[!-~]+$"
	return p
}

func headerParam(name string, required bool, example, description string) *huma.Param {
	return &huma.Param{
		Name: name, In: "header", Required: required, Schema: &huma.Schema{Type: huma.TypeString},
		Example: example, Description: description,
	}
}

func responseHeader(description, example string) *huma.Param {
	return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
}

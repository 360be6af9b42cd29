package function

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/strictjson"
)

const (
	mediaJSON = "application/json"
	// mediaMergePatch is a media type that a PATCH also accepts (RFC 7396).
	mediaMergePatch = "application/merge-patch+json"
	// bodyTimeout bounds the time for receiving a body.
	bodyTimeout = 5 * time.Second
)

var noDeadline time.Time

func bodyDeadline() time.Time { return time.Now().Add(bodyTimeout) }

// acceptGzip is the key of AcceptGzip in the metadata of an operation.
const acceptGzip = "acceptGzip"

// AcceptGzip accepts bodies with Content-Encoding: gzip. Neither the encoded nor the decoded
// body may be longer than the function's limit.
func AcceptGzip(operation *huma.Operation) { setMetadata(operation, acceptGzip, true) }

// decodeBody decodes the Content-Encoding of the body. It returns a 415 with the accepted
// encodings for any other (RFC 9110, section 15.5.16).
func (c *checkedContext) decodeBody() *api.Problem {
	encoding := strings.ToLower(strings.TrimSpace(c.Header("Content-Encoding")))
	gzipAllowed := c.Operation().Metadata[acceptGzip] != nil
	switch {
	case encoding == "" || encoding == "identity":
		return nil
	case gzipAllowed && (encoding == "gzip" || encoding == "x-gzip"):
		limit := c.Operation().MaxBodyBytes - 1 // the body limit of the entry: see newOperation
		c.body = &gzipReader{encoded: c.body, limit: limit, remaining: limit}
		return nil
	}
	accepted := "identity"
	if gzipAllowed {
		accepted = "gzip, identity"
	}
	return api.NewProblem(http.StatusUnsupportedMediaType, api.CodeMediaType, "The Content-Encoding is not supported. Supported: %s.", accepted).
		WithHeader("Accept-Encoding", accepted)
}

// gzipReader decodes a body and fails beyond its limit, like http.MaxBytesReader.
type gzipReader struct {
	encoded          io.Reader
	decoded          *gzip.Reader
	limit, remaining int64
}

func (g *gzipReader) Read(p []byte) (int, error) {
	if g.decoded == nil {
		decoded, err := gzip.NewReader(g.encoded)
		if err != nil {
			return 0, err
		}
		g.decoded = decoded
	}
	n, err := g.decoded.Read(p)
	if int64(n) > g.remaining {
		return int(g.remaining), &http.MaxBytesError{Limit: g.limit}
	}
	g.remaining -= int64(n)
	return n, err
}

// checkBody parses a JSON body strictly, normalizes its text and numbers by the operation's
// schema, and returns its errors. The problem is for a body that cannot be parsed. A body of
// another media type is left to the operation.
func (c *checkedContext) checkBody(schemas huma.Registry) ([]api.FieldError, *api.Problem) {
	operation := c.Operation()
	if operation.RequestBody != nil && operation.RequestBody.Content[mediaJSON] == nil {
		return nil, nil
	}
	body, problem := c.readBody()
	if problem != nil || len(bytes.TrimSpace(body)) == 0 {
		return nil, problem
	}
	if problem := c.checkMediaType(); problem != nil {
		return nil, problem
	}
	value, err := strictjson.Parse(body, "body")
	if err != nil {
		fieldErr, _ := errors.AsType[api.FieldError](err)
		return nil, invalid([]api.FieldError{fieldErr})
	}
	if operation.RequestBody == nil {
		return nil, refuseBody(value)
	}
	n := normalizer{schemas: schemas}
	value = n.value(operation.RequestBody.Content[mediaJSON].Schema, value, "body")
	canonical, err := encodeBody(value)
	if err != nil {
		return nil, api.Internal()
	}
	c.body = bytes.NewReader(canonical)
	return n.errs, nil
}

// encodeBody returns the JSON of a checked body. HTML is not escaped: that has six bytes for one, so
// that a body within the limit would exceed it.
func encodeBody(value any) ([]byte, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value)
	return body.Bytes(), err
}

// acceptMergePatch makes a PATCH accept the media type of JSON Merge Patch besides JSON.
func acceptMergePatch(operation *huma.Operation) {
	if operation == nil || operation.Method != http.MethodPatch || operation.RequestBody == nil {
		return
	}
	if content := operation.RequestBody.Content[mediaJSON]; content != nil {
		operation.RequestBody.Content[mediaMergePatch] = content
	}
}

// checkMediaType refuses a body with a media type or character set that the operation does
// not accept.
func (c *checkedContext) checkMediaType() *api.Problem {
	accepted := []string{mediaJSON}
	if content := c.Operation().RequestBody; content != nil {
		accepted = slices.Sorted(maps.Keys(content.Content))
	}
	header := c.Header("Content-Type")
	if header == "" {
		return nil // RFC 9110, section 8.3: the recipient may assume what it expects
	}
	media, parameters, err := mime.ParseMediaType(header)
	charset := parameters["charset"]
	if err == nil && slices.Contains(accepted, media) && (charset == "" || strings.EqualFold(charset, "utf-8")) {
		return nil
	}
	problem := api.NewProblem(http.StatusUnsupportedMediaType, api.CodeMediaType, "Send %s in UTF-8.", strings.Join(accepted, " or "))
	if c.Method() == http.MethodPatch {
		problem = problem.WithHeader("Accept-Patch", strings.Join(accepted, ", ")) // RFC 5789, section 3.1
	}
	return problem
}

// refuseBody refuses a body for an operation without one, except {}.
func refuseBody(value any) *api.Problem {
	object, isObject := value.(map[string]any)
	if !isObject {
		return api.Invalid("body", api.FieldType, "the operation accepts no body: omit it, or send {}")
	}
	var errs []api.FieldError
	for _, name := range slices.Sorted(maps.Keys(object)) {
		errs = append(errs, api.FieldError{Location: "body." + name, Code: api.FieldUnknown, Message: "unknown field"})
	}
	if errs == nil {
		return nil
	}
	return invalid(errs)
}

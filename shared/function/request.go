package function

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"souk/shared/api"
)

// inputErrorsKey is the context key of the errors that checkRequest has found.
type inputErrorsKey struct{}

// inputErrors returns the errors that checkRequest has found in the request of ctx.
func inputErrors(ctx context.Context) []api.FieldError {
	errs, _ := ctx.Value(inputErrorsKey{}).([]api.FieldError)
	return errs
}

// humaContext is huma.Context under a name that does not conflict with its method Context.
type humaContext huma.Context

// checkedContext is a huma.Context with normalized parameters and body: text by the rules
// of shared/text, JSON in canonical form.
type checkedContext struct {
	humaContext
	url   url.URL
	query url.Values
	body  io.Reader
}

// URL returns the request's URL with the checked query.
func (c *checkedContext) URL() url.URL { return c.url }

// Query returns a checked query parameter, or "" without it.
func (c *checkedContext) Query(name string) string { return c.query.Get(name) }

// BodyReader returns the checked body.
func (c *checkedContext) BodyReader() io.Reader { return c.body }

// Unwrap returns the wrapped context, for humago.Unwrap.
func (c *checkedContext) Unwrap() huma.Context { return c.humaContext }

// checkRequest is a huma middleware for checks that huma does not perform: malformed and
// unknown query parameters, encoded bodies, ambiguous JSON, text. It refuses requests that
// cannot be parsed; other errors are added to those of huma's validation.
func (d *endpointDeps) checkRequest(ctx huma.Context, next func(huma.Context)) {
	checked := &checkedContext{humaContext: ctx, body: ctx.BodyReader()}
	errs := append(checked.checkQuery(), checkPath(ctx)...)
	problem := checked.decodeBody()
	if problem == nil {
		var bodyErrs []api.FieldError
		bodyErrs, problem = checked.checkBody(d.api.OpenAPI().Components.Schemas)
		errs = append(errs, bodyErrs...)
	}
	if problem != nil {
		if problem.Status == http.StatusBadRequest {
			problem = invalid(append(errs, problem.Errors...))
		}
		r, w := humago.Unwrap(ctx)
		problem.Write(w, r)
		return
	}
	next(huma.WithValue(checked, inputErrorsKey{}, errs))
}

// readBody reads the body within bodyTimeout.
func (c *checkedContext) readBody() ([]byte, *api.Problem) {
	if c.body == nil {
		return nil, nil
	}
	if err := c.SetReadDeadline(bodyDeadline()); err == nil {
		defer func() { _ = c.SetReadDeadline(noDeadline) }() // it succeeded above
	}
	body, err := io.ReadAll(c.body)
	if err != nil {
		return nil, api.UnreadableBody(err)
	}
	c.body = bytes.NewReader(body)
	return body, nil
}

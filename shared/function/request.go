package function

import (
	"bytes"
	"context"
	"io"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"souk/shared/api"
)

// inputErrorsKey is the context key of the errors that checkRequest found.
type inputErrorsKey struct{}

// inputErrors returns what checkRequest found wrong with the request of ctx.
func inputErrors(ctx context.Context) []api.FieldError {
	errs, _ := ctx.Value(inputErrorsKey{}).([]api.FieldError)
	return errs
}

// humaContext is huma.Context by a name that its method Context does not have.
type humaContext huma.Context

// checkedContext is a huma.Context with the parameters and the body as the
// operation is to see them: text by the rules of shared/text, JSON in one form.
type checkedContext struct {
	humaContext
	url   url.URL
	query url.Values
	body  io.Reader
}

// URL returns the request's URL with the checked query.
func (c *checkedContext) URL() url.URL { return c.url }

// Query returns a checked query parameter, "" without it.
func (c *checkedContext) Query(name string) string { return c.query.Get(name) }

// BodyReader returns the checked body.
func (c *checkedContext) BodyReader() io.Reader { return c.body }

// Unwrap lets humago.Unwrap find the request.
func (c *checkedContext) Unwrap() huma.Context { return c.humaContext }

// checkRequest is a huma middleware for what huma itself is too lenient about:
// malformed and unknown query parameters, encoded bodies, JSON that readers
// understand differently, text. It refuses what cannot be read; all else that is
// wrong becomes part of the response that lists the errors of huma's validation.
func (b *binder) checkRequest(ctx huma.Context, next func(huma.Context)) {
	checked := &checkedContext{humaContext: ctx, body: ctx.BodyReader()}
	errs := append(checked.checkQuery(), checkPath(ctx)...)
	problem := checked.decodeBody()
	if problem == nil {
		var bodyErrs []api.FieldError
		bodyErrs, problem = checked.checkBody(b.api.OpenAPI().Components.Schemas)
		errs = append(errs, bodyErrs...)
	}
	if problem != nil {
		if problem.Status == errorStatus {
			problem = invalid(append(errs, problem.Errors...))
		}
		r, w := humago.Unwrap(ctx)
		problem.Write(w, r)
		return
	}
	next(huma.WithValue(checked, inputErrorsKey{}, errs))
}

// readBody reads the body within the operation's time.
func (c *checkedContext) readBody() ([]byte, *api.Problem) {
	if c.body == nil {
		return nil, nil
	}
	if err := c.SetReadDeadline(bodyDeadline()); err == nil {
		defer func() { _ = c.SetReadDeadline(noDeadline) }() // it worked a moment ago
	}
	body, err := io.ReadAll(c.body)
	if err != nil {
		return nil, api.UnreadableBody(err)
	}
	c.body = bytes.NewReader(body)
	return body, nil
}

package function

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/failure"
	"souk/shared/telemetry"
)

// requestProblem returns the problem of a request that huma refuses. It omits the values,
// which huma would include: one may be a password.
func requestProblem(ctx huma.Context, status int, message string, errs []error) *api.Problem {
	switch {
	case status >= http.StatusInternalServerError:
		return api.Internal()
	case status == http.StatusUnsupportedMediaType:
		return api.NewProblem(status, api.CodeMediaType, "%s", sentence(message))
	case status == http.StatusRequestTimeout:
		return api.NewProblem(status, "request_timeout", "%s", sentence(message))
	case status != http.StatusBadRequest && status != http.StatusUnprocessableEntity:
		return api.NewProblem(status, api.CodeInvalid, "%s", sentence(message))
	}
	// In this API 422 is only for an idempotency key that was used with another request.
	var fieldErrs []api.FieldError
	if ctx != nil {
		fieldErrs = inputErrors(ctx.Context())
	}
	if len(errs) == 0 {
		errs = []error{&huma.ErrorDetail{Location: "body", Message: message}}
	}
	for _, err := range errs {
		e := fieldError(ctx, err)
		sameLocation := func(other api.FieldError) bool { return other.Location == e.Location }
		if !slices.ContainsFunc(fieldErrs, sameLocation) {
			fieldErrs = append(fieldErrs, e)
		}
	}
	return invalid(fieldErrs)
}

// invalid returns the problem with status 400 for input with these errors.
func invalid(errs []api.FieldError) *api.Problem { return api.InvalidFields(errs) }

// sentence returns a message of huma with a capital letter and a full stop.
func sentence(message string) string {
	if message == "" {
		return ""
	}
	return strings.ToUpper(message[:1]) + strings.TrimSuffix(message[1:], ".") + "."
}

// undecodable is the message for a value that passes validation and cannot be decoded into
// its Go type. The cause is omitted: it quotes values and Go types.
const undecodable = "a value has the wrong type"

// withProblems converts every error of a handler to a problem that clients may receive.
func withProblems[I, O any](handler func(context.Context, *I) (*O, error)) func(context.Context, *I) (*O, error) {
	return func(ctx context.Context, input *I) (*O, error) {
		if errs := inputErrors(ctx); len(errs) > 0 {
			return nil, invalid(errs).WithTrace(telemetry.TraceID(ctx))
		}
		output, err := handler(ctx, input)
		if err != nil {
			return nil, failure.ProblemFromError(ctx, err).WithTrace(telemetry.TraceID(ctx))
		}
		return output, nil
	}
}

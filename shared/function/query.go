package function

import (
	"context"
	"maps"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
)

type unknownQueryKey struct{}

// noteUnknownQuery notes the query parameters that the operation does not have.
// huma could refuse them itself, but then it would name no other fault of the
// request, and the caller would learn of those one try later.
func noteUnknownQuery(ctx huma.Context, next func(huma.Context)) {
	var unknown []api.FieldError
	url := ctx.URL()
	for _, name := range slices.Sorted(maps.Keys(url.Query())) {
		known := slices.ContainsFunc(ctx.Operation().Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		if !known {
			unknown = append(unknown, api.FieldError{Location: "query." + name, Code: api.FieldUnknown, Message: "unknown query parameter"})
		}
	}
	if unknown != nil {
		ctx = huma.WithValue(ctx, unknownQueryKey{}, unknown)
	}
	next(ctx)
}

// unknownQuery returns the faults that noteUnknownQuery noted.
func unknownQuery(ctx context.Context) []api.FieldError {
	unknown, _ := ctx.Value(unknownQueryKey{}).([]api.FieldError)
	return unknown
}

package function

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"souk/shared/api"
	"souk/shared/text"
)

// maxQueryParameters bounds a query before it is parsed: each parameter may become an error
// of the response.
const maxQueryParameters = 100

// checkQuery parses the query strictly and returns its errors. Unlike url.URL.Query it does
// not drop malformed parameters: without its filter, a query would match everything.
func (c *checkedContext) checkQuery() []api.FieldError {
	c.url = c.humaContext.URL()
	c.query = url.Values{}
	raw := c.url.RawQuery
	if strings.Count(raw, "&") >= maxQueryParameters {
		return []api.FieldError{{Location: "query", Code: api.FieldTooMany, Message: fmt.Sprintf("must have at most %d parameters", maxQueryParameters)}}
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return []api.FieldError{{Location: "query", Code: api.FieldSyntax, Message: "must be NAME=VALUE parameters separated by &, with % and ; encoded as %25 and %3B"}}
	}
	var errs []api.FieldError
	for _, name := range slices.Sorted(maps.Keys(query)) {
		location := "query." + strings.ToValidUTF8(name, "\uFFFD")
		parameter := findParameter(c.Operation(), "query", name)
		if parameter == nil {
			errs = append(errs, api.FieldError{Location: location, Code: api.FieldUnknown, Message: "unknown query parameter"})
			continue
		}
		values, err := checkParameter(parameter, query[name], location)
		if err != nil {
			errs = append(errs, *err)
			continue
		}
		c.query[name] = values
	}
	c.url.RawQuery = c.query.Encode()
	return errs
}

// errBlankParameter is text.ErrBlank for a parameter.
var errBlankParameter = fmt.Errorf("%w: omit the parameter", text.ErrBlank)

// checkParameter returns the values of a query parameter, normalized by its text rule.
func checkParameter(parameter *huma.Param, values []string, location string) ([]string, *api.FieldError) {
	schema := parameter.Schema
	if len(values) > 1 && schema.Type != huma.TypeArray {
		return nil, &api.FieldError{Location: location, Code: api.FieldDuplicate, Message: "must occur at most once"}
	}
	item := schema
	if schema.Type == huma.TypeArray {
		item = schema.Items
	}
	checked := make([]string, len(values))
	for i, value := range values {
		var err error
		if checked[i], err = checkText(item, value); errors.Is(err, text.ErrBlank) {
			return nil, textError(location, errBlankParameter)
		} else if err != nil {
			return nil, textError(location, err)
		}
		// It would count as absent, and a list without its filter has everything. Without a page token
		// it begins.
		if checked[i] == "" && parameter.Name != "pageToken" {
			return nil, textError(location, errBlankParameter)
		}
		if _, err := strconv.ParseInt(value, 10, 64); item.Type == huma.TypeInteger && errors.Is(err, strconv.ErrRange) {
			return nil, &api.FieldError{Location: location, Code: api.FieldRange, Message: "is a number that is too large or too small"}
		}
	}
	return checked, nil
}

// checkPath returns the errors in the text of path parameters. Parameters of another form,
// such as ids, are left to huma.
func checkPath(ctx huma.Context) []api.FieldError {
	var errs []api.FieldError
	for _, parameter := range ctx.Operation().Parameters {
		if parameter.In != "path" {
			continue
		}
		value, location := ctx.Param(parameter.Name), "path."+parameter.Name
		if _, err := checkText(parameter.Schema, value); err != nil {
			errs = append(errs, *textError(location, err))
		} else if !utf8.ValidString(value) {
			errs = append(errs, *textError(location, errEncoding))
		}
	}
	return errs
}

func findParameter(operation *huma.Operation, in, name string) *huma.Param {
	i := slices.IndexFunc(operation.Parameters, func(p *huma.Param) bool { return p.In == in && p.Name == name })
	if i < 0 {
		return nil
	}
	return operation.Parameters[i]
}

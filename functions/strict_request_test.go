package functions_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"souk/shared/api"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// TestStrictQuery sends every function queries that cannot be parsed, or that name a
// parameter more than once.
func TestStrictQuery(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		e := mustFindExample(t, f)
		valid := requestTo(t, s, f, mustCreateCaller(t, s, f))
		refuse := func(query, place, code string) {
			t.Helper()
			r := valid
			r.Path += "?" + query
			if problem := requireRefusal(t, query, s.Do(t, r), http.StatusBadRequest); !problem.has(place, code) {
				t.Errorf("%.100s: got %+v, want %s at %s", query, problem, code, place)
			}
		}
		for _, query := range []string{"q=100%", "status=%", "%zz=1", "q=a;status=b", "q=%f"} {
			refuse(query, "query", api.FieldSyntax)
		}
		refuse(strings.Repeat("a&", 131_000), "query", api.FieldTooMany)
		refuse("%ff=1", "query.\uFFFD", api.FieldUnknown)
		for name, value := range e.query {
			if !strings.Contains(value, ",") { // a list, which may also be sent as several parameters
				refuse(name+"="+value+"&"+name+"="+value, "query."+name, api.FieldDuplicate)
			}
			refuse(strings.ToUpper(name)+"="+value, "query."+strings.ToUpper(name), api.FieldUnknown)
			if strings.Trim(value, "0123456789") != "" && value != "true" {
				refuse(name+"=Caf%e9", "query."+name, api.FieldEncoding)
			}
		}
	})
}

// TestBlankQuery sends every function each parameter of its query without a value, and with blanks
// only: without its filter, a list has everything.
func TestBlankQuery(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		d, err := openAPI()
		if err != nil {
			t.Fatal(err)
		}
		valid := requestTo(t, s, f, mustCreateCaller(t, s, f))
		for _, parameter := range d.Paths.Find(f.Path()).GetOperation(f.Method()).Parameters {
			name, schema := parameter.Value.Name, parameter.Value.Schema.Value
			if parameter.Value.In != openapi3.ParameterInQuery {
				continue
			}
			isText := schema.Type.Is("string") && (schema.Format == "" || schema.Format == function.Label) && schema.Pattern == "" && schema.Enum == nil
			for _, blank := range []string{"", "%20", "%0A", "%E2%80%8B"} {
				if name == "pageToken" && blank == "" { // the first page
					continue
				}
				r := valid
				r.Path += "?" + name + "=" + blank
				problem := requireRefusal(t, r.Path, s.Do(t, r), http.StatusBadRequest)
				if !problem.names("query."+name) || (isText || blank == "") && !problem.has("query."+name, api.FieldBlank) {
					t.Errorf("%s: got %+v, want an error at query.%s", r.Path, problem, name)
				}
			}
		}
	})
}

// TestBodyEncoding sends every function a body in gzip. Only product-import accepts one; all
// others respond with the encoding that they accept.
func TestBodyEncoding(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		e := mustFindExample(t, f)
		r := requestTo(t, s, f, mustCreateCaller(t, s, f))
		text, _ := r.Body.(string)
		if e.body != nil {
			text = mustJSON(t, r.Body)
		}
		r.Body, r.Header["Content-Encoding"] = mustGzip(t, text), "gzip"
		response := s.Do(t, r)
		if f.Name == "product-import" && response.Status == http.StatusOK {
			return
		}
		requireRefusal(t, "gzip", response, http.StatusUnsupportedMediaType)
		if got := response.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding is %q, want identity", got)
		}
	})
}

func mustGzip(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestNoBody sends a body with members to every function that has no body.
func TestNoBody(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		e := mustFindExample(t, f)
		if e.body != nil || e.lines != "" {
			return
		}
		r := requestTo(t, s, f, mustCreateCaller(t, s, f))
		send := func(body string) functiontest.Response {
			r.Body = body
			return s.Do(t, r)
		}
		if problem := requireRefusal(t, "a member", send(`{"reason":1}`), http.StatusBadRequest); !problem.has("body.reason", api.FieldUnknown) {
			t.Errorf("a member: got %+v", problem)
		}
		if problem := requireRefusal(t, "an array", send(`[]`), http.StatusBadRequest); !problem.has("body", api.FieldType) {
			t.Errorf("an array: got %+v", problem)
		}
		if problem := requireRefusal(t, "invalid JSON", send(canary), http.StatusBadRequest); !problem.has("body", api.FieldSyntax) {
			t.Errorf("invalid JSON: got %+v", problem)
		}
		requireSuccess(t, send("{}"))
	})
}

// TestManyErrors sends every function with a body more errors than a response lists.
func TestManyErrors(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		if mustFindExample(t, f).body == nil {
			return
		}
		r := requestTo(t, s, f, mustCreateCaller(t, s, f))
		for _, members := range []int{500, 1100} {
			var body strings.Builder
			body.WriteString(`{"` + strings.Repeat("x", 300) + `":0`)
			for i := range members {
				fmt.Fprintf(&body, `,"a%d":0`, i)
			}
			r.Body = body.String() + "}"
			response := s.Do(t, r)
			problem := requireRefusal(t, "many members", response, http.StatusBadRequest)
			if len(response.Body) > 8<<10 {
				t.Errorf("%d members have a response of %d bytes", members, len(response.Body))
			}
			switch {
			case members > 1000:
				if !problem.has("body", api.FieldTooMany) {
					t.Errorf("%d members: got %+v", members, problem)
				}
			case len(problem.Errors) != 20 || !strings.Contains(string(response.Body), " the first 20."):
				t.Errorf("got %d errors, want 20 and a note that there are more: %s", len(problem.Errors), response.Body)
			}
		}
	})
}

package functions_test

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"souk/shared/api"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// canary is part of every bad value: no response may repeat it.
const canary = "canary73571113"

// internalText matches what the message of an error must not contain: regular
// expressions, errors of Go's parsers, names of Go types and files.
var internalText = regexp.MustCompile(`\^|\[A-Z|json:|invalid UUID|strconv|unmarshal|\.go\b|docs/|mail:|expected (string|number|value|array|object|length|required|integer|boolean|property)`)

// problemBody is a problem document as a client reads it.
type problemBody struct {
	Code    string
	TraceID string
	Errors  []api.FieldError
}

// names reports whether an error of the problem is at a location, within it or around it.
func (p problemBody) names(place string) bool {
	return slices.ContainsFunc(p.Errors, func(e api.FieldError) bool {
		return strings.HasPrefix(e.Location, place) ||
			strings.HasPrefix(place, e.Location) && strings.Contains(e.Message, place[strings.LastIndex(place, ".")+1:])
	})
}

// requireRefusal requires that the response is a problem with one of the statuses, and
// repeats nothing of the request.
func requireRefusal(t testing.TB, sent string, response functiontest.Response, statuses ...int) (problem problemBody) {
	t.Helper()
	if len(sent) > 200 {
		sent = sent[:200] + "..."
	}
	if !slices.Contains(statuses, response.Status) {
		t.Errorf("%s: got %d, want one of %v: %s", sent, response.Status, statuses, response.Body)
		return problem
	}
	requireWellFormed(t, sent, response)
	mustDecode(t, response.Body, &problem)
	return problem
}

// requireWellFormed requires a response that is allowed to any request: no 5xx, and an
// error is a problem with a code and a trace id.
func requireWellFormed(t testing.TB, sent string, response functiontest.Response) {
	t.Helper()
	if response.Status >= http.StatusInternalServerError {
		t.Fatalf("%s: got %d: %s", sent, response.Status, response.Body)
	}
	if response.Status < http.StatusBadRequest {
		return
	}
	var problem problemBody
	mustDecode(t, response.Body, &problem)
	if got := response.Header.Get("Content-Type"); got != api.ProblemType || problem.Code == "" || len(problem.TraceID) != 32 {
		t.Errorf("%s: got a %q with the code %q and the trace %q: %s", sent, got, problem.Code, problem.TraceID, response.Body)
	}
	for _, e := range problem.Errors {
		if e.Code == "" || e.Message == "" || internalText.MatchString(e.Message) {
			t.Errorf("%s: the error at %s has code %q and text %q", sent, e.Location, e.Code, e.Message)
		}
	}
	if strings.Contains(string(response.Body), canary) {
		t.Errorf("%s: the response repeats the request: %s", sent, response.Body)
	}
}

// sentAlways are fields that are optional and sent by every test, by operation: a discount without
// a code is automatic, and would change the prices of other tests' orders.
var sentAlways = map[string]string{"discount-create": "body.code"}

// TestBadBody sends every function that accepts a JSON body all kinds of invalid ones,
// derived from its example.
func TestBadBody(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		by, e := mustCreateCaller(t, s, f), mustFindExample(t, f)
		valid := requestTo(t, s, f, by)
		if e.body == nil {
			return
		}
		body := e.body(t, s, by)
		send := func(text string) functiontest.Response {
			r := valid
			r.Body = text
			return s.Do(t, r)
		}
		all := object{}
		for _, field := range listFields(body, nil, "body") {
			for _, value := range []any{wrongType(field.value), tooLarge(field.value)} {
				if value == nil {
					continue
				}
				text := changed(t, body, field.path, value)
				if problem := requireRefusal(t, text, send(text), http.StatusBadRequest); !problem.names(field.place) {
					t.Errorf("%s: no error is at %s: %+v", text[:min(len(text), 200)], field.place, problem)
				}
			}
			if !field.optional && sentAlways[f.Name] != field.place {
				text := changed(t, body, field.path)
				if problem := requireRefusal(t, text, send(text), http.StatusBadRequest); !problem.names(field.place) {
					t.Errorf("%s: no error reports that %s is missing: %+v", text, field.place, problem)
				}
			}
			if len(field.path) == 1 {
				all[field.path[0].(string)] = wrongType(field.value)
			}
			if _, isObject := field.value.(object); isObject && !strings.HasSuffix(field.place, "attributes") {
				text := changed(t, body, append(slices.Clone(field.path), "unexpected"), canary)
				if problem := requireRefusal(t, text, send(text), http.StatusBadRequest); !problem.names(field.place + ".unexpected") {
					t.Errorf("no error is at %s.unexpected: %+v", field.place, problem)
				}
			}
		}
		all["unexpected"] = canary
		problem := requireRefusal(t, "all at once", send(mustJSON(t, all)), http.StatusBadRequest)
		for name := range all {
			if !problem.names("body." + name) {
				t.Errorf("all at once: no error is at body.%s: %+v", name, problem)
			}
		}
		testOddBodies(t, s, f, valid, body)
	})
}

// testOddBodies sends bodies that are not a JSON object, or barely are one.
func testOddBodies(t *testing.T, s *functiontest.Server, f manifest.Function, valid functiontest.Request, body object) {
	t.Helper()
	validText := mustJSON(t, expand(body, true))
	send := func(text, media string) functiontest.Response {
		r := valid
		r.Body, r.Header = text, map[string]string{"Content-Type": media, "If-Match": valid.Header["If-Match"]}
		return s.Do(t, r)
	}
	for _, text := range []string{
		"[]", "7", `"` + canary + `"`, "true", "{", validText[:len(validText)-1], validText + canary, validText + validText, "\x00", "\xff\xfe", canary,
		`{"unexpected":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}",
		strings.Repeat(`{"unexpected":`, 1000), `{"unexpected":1e999999}`, `{"unexpected":"` + "\xff\xfe" + canary + `"}`,
	} {
		requireRefusal(t, text, send(text, "application/json"), http.StatusBadRequest)
	}
	requireRefusal(t, "text", send(validText, "text/plain"), http.StatusUnsupportedMediaType)
	requireRefusal(t, "XML", send("<a>"+canary+"</a>", "application/xml"), http.StatusUnsupportedMediaType)
	tooLong := validText + strings.Repeat(" ", int(f.BodyLimit()))
	requireRefusal(t, "too long a body", send(tooLong, "application/json"), http.StatusRequestEntityTooLarge)
	for _, field := range listFields(body, nil, "body") {
		if text, isString := field.value.(string); isString {
			for _, odd := range []string{`\u0000`, `\ud800`, "\xff", `\u202e`, "\u0301", `\uffff`, strings.Repeat("\U0001F600", 30)} {
				dirty := strings.Replace(changed(t, body, field.path, "DIRTY"), "DIRTY", text+odd, 1)
				requireWellFormed(t, dirty, send(dirty, "application/json"))
			}
		}
		if _, isInt := field.value.(int); isInt {
			for _, odd := range []string{"1e999", "-9223372036854775808", "9223372036854775808", "0.1", "-1", "1e2", "-0"} {
				dirty := strings.Replace(changed(t, body, field.path, "DIRTY"), `"DIRTY"`, odd, 1)
				requireWellFormed(t, dirty, send(dirty, "application/json"))
			}
		}
	}
	requireWellFormed(t, "a field twice", send(`{"unexpected":1,`+validText[1:len(validText)-1]+","+validText[1:], "application/json"))
}

// TestBadQuery sends every function invalid query parameters, and invalid ids in its path.
func TestBadQuery(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		e := mustFindExample(t, f)
		valid := requestTo(t, s, f, mustCreateCaller(t, s, f))
		get := func(path string) functiontest.Response {
			r := valid
			r.Path = path
			return s.Do(t, r)
		}
		wrong := slices.Clone(e.invalid)
		if e.paged {
			wrong = append(wrong, "pageSize=0", "pageSize=101", "pageSize=-1", "pageSize=abc", "pageSize=1.5", "pageSize=99999999999999999999",
				"pageToken="+canary, "pageToken=bnVsbA", "pageToken=%00", "pageToken=%ff", "pageToken="+long)
			problem := requireRefusal(t, "two errors", get(valid.Path+"?pageSize=0&unexpected="+canary), http.StatusBadRequest)
			if !problem.names("query.pageSize") || !problem.names("query.unexpected") {
				t.Errorf("not all errors are reported at once: %+v", problem)
			}
		}
		for _, query := range append(wrong, "unexpected="+canary) {
			problem := requireRefusal(t, query, get(valid.Path+"?"+query), http.StatusBadRequest)
			if !problem.names("query.") {
				t.Errorf("%.100s: no error is in the query: %+v", query, problem)
			}
		}
		for name := range e.query {
			for _, odd := range []string{"\x00", "\xff\xfe", "\U0001F600", "\ufffe", "'; --", `"\`, "%_", "+-*()~<>@\"", strings.Repeat("a ", 90)} {
				query := name + "=" + url.QueryEscape(odd)
				requireWellFormed(t, query, get(valid.Path+"?"+query))
			}
			requireWellFormed(t, "a bad escape", get(valid.Path+"?"+name+"=%zz"))
			requireWellFormed(t, "twice", get(valid.Path+"?"+name+"=1&"+name+"=2"))
		}
		if e.create == nil {
			return
		}
		id := pathID(t, f, valid.Path)
		for _, bad := range []string{canary, "%00", "%ff", "0", "me", id + "0", id[1:], strings.Repeat("f", 32)[:31]} {
			if bad == "me" && f.Name == "user-read" {
				continue // the path of user-get
			}
			problem := requireRefusal(t, bad, get(strings.Replace(valid.Path, id, bad, 1)), http.StatusBadRequest)
			if !problem.names("path.") {
				t.Errorf("%s: no error is in the path: %+v", bad, problem)
			}
		}
		requireRefusal(t, "a missing resource", get(strings.Replace(valid.Path, id, missingID.String(), 1)), http.StatusNotFound)
	})
}

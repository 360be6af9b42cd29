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

// canary is in every bad value: no answer may repeat it.
const canary = "canary73571113"

// internalText matches what no text of an error may have: regular expressions, the
// errors of Go's parsers, the names of Go types and files.
var internalText = regexp.MustCompile(`\^|\[A-Z|json:|invalid UUID|strconv|unmarshal|\.go\b|docs/|mail:|expected (string|number|value|array|object|length|required|integer|boolean|property)`)

// refused is a problem as a client sees it.
type refused struct {
	Code    string
	TraceID string
	Errors  []api.FieldError
}

// names says whether a fault of the problem is at a place, or in it or around it.
func (r refused) names(place string) bool {
	return slices.ContainsFunc(r.Errors, func(fault api.FieldError) bool {
		return strings.HasPrefix(fault.Location, place) ||
			strings.HasPrefix(place, fault.Location) && strings.Contains(fault.Message, place[strings.LastIndex(place, ".")+1:])
	})
}

// mustRefuse fails unless the answer is a problem of one of the statuses that
// repeats nothing of what was sent.
func mustRefuse(t testing.TB, sent string, answer functiontest.Response, statuses ...int) (problem refused) {
	t.Helper()
	if len(sent) > 200 {
		sent = sent[:200] + "..."
	}
	if !slices.Contains(statuses, answer.Status) {
		t.Errorf("%s: got %d, want one of %v: %s", sent, answer.Status, statuses, answer.Body)
		return problem
	}
	mustBeSound(t, sent, answer)
	mustDecode(t, answer.Body, &problem)
	return problem
}

// mustBeSound fails unless an answer is one that the shop may give to anything at
// all: no 5xx, and what is no success is a problem with a code and a trace.
func mustBeSound(t testing.TB, sent string, answer functiontest.Response) {
	t.Helper()
	if answer.Status >= http.StatusInternalServerError {
		t.Fatalf("%s: got %d: %s", sent, answer.Status, answer.Body)
	}
	if answer.Status < http.StatusBadRequest {
		return
	}
	var problem refused
	mustDecode(t, answer.Body, &problem)
	if got := answer.Header.Get("Content-Type"); got != api.ProblemType || problem.Code == "" || len(problem.TraceID) != 32 {
		t.Errorf("%s: got a %q of code %q and trace %q: %s", sent, got, problem.Code, problem.TraceID, answer.Body)
	}
	for _, e := range problem.Errors {
		if e.Code == "" || e.Message == "" || internalText.MatchString(e.Message) {
			t.Errorf("%s: the error at %s has code %q and text %q", sent, e.Location, e.Code, e.Message)
		}
	}
	if strings.Contains(string(answer.Body), canary) {
		t.Errorf("%s: the answer repeats what was sent: %s", sent, answer.Body)
	}
}

// TestBadBody sends every function that takes a JSON body all kinds of bad ones,
// made of the example.
func TestBadBody(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		by, e := MustEnter(t, s, f), MustExample(t, f)
		good := requestTo(t, s, f, by)
		if e.body == nil {
			return
		}
		body := e.body(t, s, by)
		send := func(text string) functiontest.Response {
			r := good
			r.Body = text
			return s.Do(t, r)
		}
		all := object{}
		for _, field := range fieldsOf(body, nil, "body") {
			for _, value := range []any{wrongType(field.value), tooMuch(field.value)} {
				if value == nil {
					continue
				}
				text := changed(t, body, field.path, value)
				if problem := mustRefuse(t, text, send(text), http.StatusBadRequest); !problem.names(field.place) {
					t.Errorf("%s: no fault is at %s: %+v", text[:min(len(text), 200)], field.place, problem)
				}
			}
			if !field.optional {
				text := changed(t, body, field.path)
				if problem := mustRefuse(t, text, send(text), http.StatusBadRequest); !problem.names(field.place) {
					t.Errorf("%s: no fault says that %s is missing: %+v", text, field.place, problem)
				}
			}
			if len(field.path) == 1 {
				all[field.path[0].(string)] = wrongType(field.value)
			}
			if _, is := field.value.(object); is && !strings.HasSuffix(field.place, "attributes") {
				text := changed(t, body, append(slices.Clone(field.path), "unexpected"), canary)
				if problem := mustRefuse(t, text, send(text), http.StatusBadRequest); !problem.names(field.place + ".unexpected") {
					t.Errorf("no fault is at %s.unexpected: %+v", field.place, problem)
				}
			}
		}
		all["unexpected"] = canary
		problem := mustRefuse(t, "all at once", send(mustJSON(t, all)), http.StatusBadRequest)
		for name := range all {
			if !problem.names("body." + name) {
				t.Errorf("all at once: no fault is at body.%s: %+v", name, problem)
			}
		}
		testOddBodies(t, s, f, good, body)
	})
}

// testOddBodies sends what is no JSON object, or hardly is one.
func testOddBodies(t *testing.T, s *functiontest.Server, f manifest.Function, good functiontest.Request, body object) {
	t.Helper()
	whole := mustJSON(t, named(body, true))
	send := func(text, media string) functiontest.Response {
		r := good
		r.Body, r.Header = text, map[string]string{"Content-Type": media, "If-Match": good.Header["If-Match"]}
		return s.Do(t, r)
	}
	for _, text := range []string{
		"[]", "7", `"` + canary + `"`, "true", "{", whole[:len(whole)-1], whole + canary, whole + whole, "\x00", "\xff\xfe", canary,
		`{"unexpected":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + "}",
		strings.Repeat(`{"unexpected":`, 1000), `{"unexpected":1e999999}`, `{"unexpected":"` + "\xff\xfe" + canary + `"}`,
	} {
		mustRefuse(t, text, send(text, "application/json"), http.StatusBadRequest)
	}
	mustRefuse(t, "text", send(whole, "text/plain"), http.StatusUnsupportedMediaType)
	mustRefuse(t, "XML", send("<a>"+canary+"</a>", "application/xml"), http.StatusUnsupportedMediaType)
	tooLong := whole + strings.Repeat(" ", int(f.BodyLimit()))
	mustRefuse(t, "too long a body", send(tooLong, "application/json"), http.StatusRequestEntityTooLarge)
	for _, field := range fieldsOf(body, nil, "body") {
		if text, is := field.value.(string); is {
			for _, odd := range []string{`\u0000`, `\ud800`, "\xff", `\u202e`, "\u0301", `\uffff`, strings.Repeat("\U0001F600", 30)} {
				dirty := strings.Replace(changed(t, body, field.path, "DIRTY"), "DIRTY", text+odd, 1)
				mustBeSound(t, dirty, send(dirty, "application/json"))
			}
		}
		if _, is := field.value.(int); is {
			for _, odd := range []string{"1e999", "-9223372036854775808", "9223372036854775808", "0.1", "-1", "1e2", "-0"} {
				dirty := strings.Replace(changed(t, body, field.path, "DIRTY"), `"DIRTY"`, odd, 1)
				mustBeSound(t, dirty, send(dirty, "application/json"))
			}
		}
	}
	mustBeSound(t, "a field twice", send(`{"unexpected":1,`+whole[1:len(whole)-1]+","+whole[1:], "application/json"))
}

// TestBadQuery sends every function bad query parameters, and bad ids in its path.
func TestBadQuery(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		e := MustExample(t, f)
		good := requestTo(t, s, f, MustEnter(t, s, f))
		ask := func(path string) functiontest.Response {
			r := good
			r.Path = path
			return s.Do(t, r)
		}
		wrong := slices.Clone(e.wrong)
		if e.paged {
			wrong = append(wrong, "pageSize=0", "pageSize=101", "pageSize=-1", "pageSize=abc", "pageSize=1.5", "pageSize=99999999999999999999",
				"pageToken="+canary, "pageToken=bnVsbA", "pageToken=%00", "pageToken=%ff", "pageToken="+long)
			problem := mustRefuse(t, "two faults", ask(good.Path+"?pageSize=0&unexpected="+canary), http.StatusBadRequest)
			if !problem.names("query.pageSize") || !problem.names("query.unexpected") {
				t.Errorf("not all faults are told at once: %+v", problem)
			}
		}
		for _, query := range append(wrong, "unexpected="+canary) {
			problem := mustRefuse(t, query, ask(good.Path+"?"+query), http.StatusBadRequest)
			if !problem.names("query.") {
				t.Errorf("%.100s: no fault is in the query: %+v", query, problem)
			}
		}
		for name := range e.query {
			for _, odd := range []string{"\x00", "\xff\xfe", "\U0001F600", "\ufffe", "'; --", `"\`, "%_", "+-*()~<>@\"", strings.Repeat("a ", 90)} {
				query := name + "=" + url.QueryEscape(odd)
				mustBeSound(t, query, ask(good.Path+"?"+query))
			}
			mustBeSound(t, "a bad escape", ask(good.Path+"?"+name+"=%zz"))
			mustBeSound(t, "twice", ask(good.Path+"?"+name+"=1&"+name+"=2"))
		}
		if e.on == nil {
			return
		}
		id := pathID(t, f, good.Path)
		for _, bad := range []string{canary, "%00", "%ff", "0", "me", id + "0", id[1:], strings.Repeat("f", 32)[:31]} {
			problem := mustRefuse(t, bad, ask(strings.Replace(good.Path, id, bad, 1)), http.StatusBadRequest)
			if !problem.names("path.") {
				t.Errorf("%s: no fault is in the path: %+v", bad, problem)
			}
		}
		mustRefuse(t, "a thing that is not there", ask(strings.Replace(good.Path, id, someone.String(), 1)), http.StatusNotFound)
	})
}

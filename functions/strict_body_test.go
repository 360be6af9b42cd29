package functions_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"souk/shared/api"
	"souk/shared/function"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// has reports whether the problem has an error with a code at a location.
func (p problemBody) has(place, code string) bool {
	return slices.ContainsFunc(p.Errors, func(e api.FieldError) bool { return e.Location == place && e.Code == code })
}

// bodyCase is a body with one error, and the location and code of that error.
type bodyCase struct {
	name, text, place, code string
}

// TestStrictBody sends every function each field of its body in every form that JSON parsers
// interpret differently, or that is not an allowed text.
func TestStrictBody(t *testing.T) {
	t.Parallel()
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		t.Parallel()
		e := mustFindExample(t, f)
		if e.body == nil {
			return
		}
		by := mustCreateCaller(t, s, f)
		valid, body := requestTo(t, s, f, by), e.body(t, s, by)
		send := func(text string) functiontest.Response {
			r := valid
			r.Body = text
			return s.Do(t, r)
		}
		for _, field := range listFields(body, nil, "body") {
			rule := mustReadRule(t, f, field.path)
			for _, c := range slices.Concat(nameCases(t, body, field), textCases(t, body, field, rule)) {
				if problem := requireRefusal(t, c.text, send(c.text), http.StatusBadRequest); !problem.has(c.place, c.code) {
					t.Errorf("%s: got %+v, want %s at %s", c.name, problem, c.code, c.place)
				}
			}
			text := changed(t, body, field.path, nil)
			if rule.nullable {
				requireSuccess(t, send(text))
			} else if problem := requireRefusal(t, text, send(text), http.StatusBadRequest); !problem.has(field.place, api.FieldNull) {
				t.Errorf("null: got %+v, want %s at %s", problem, api.FieldNull, field.place)
			}
		}
	})
}

// nameCases returns bodies in which the field's name is repeated or in another case.
func nameCases(t *testing.T, body object, field field) []bodyCase {
	t.Helper()
	name, isName := field.path[len(field.path)-1].(string)
	if !isName {
		return nil
	}
	value := mustJSON(t, expand(field.value, true))
	marked := changed(t, body, field.path, "MARK")
	with := func(members string) string {
		return strings.Replace(marked, `"`+name+`":"MARK"`, members, 1)
	}
	member := `"` + name + `":` + value
	parent := strings.TrimSuffix(field.place, "."+name)
	upper := strings.ToUpper(name)
	cases := []bodyCase{
		{"the name twice", with(member + "," + member), field.place, api.FieldDuplicate},
		{"the name twice, once escaped", with(member + `,"\u00` + hex(name[0]) + name[1:] + `":` + value), field.place, api.FieldDuplicate},
	}
	if strings.HasSuffix(parent, ".attributes") { // whose names are the caller's
		return cases
	}
	return append(cases,
		bodyCase{"the name in another case too", with(member + `,"` + upper + `":` + value), parent + "." + upper, api.FieldUnknown},
		bodyCase{"the name in another case instead", with(`"` + upper + `":` + value), parent + "." + upper, api.FieldUnknown},
		bodyCase{"an unknown sibling", with(member + `,"unexpected":1`), parent + ".unexpected", api.FieldUnknown},
	)
}

func hex(b byte) string {
	const digits = "0123456789abcdef"
	return string([]byte{digits[b>>4], digits[b&15]})
}

// textCases returns bodies with invalid values of the field.
func textCases(t *testing.T, body object, field field, rule fieldRule) []bodyCase {
	t.Helper()
	cases := []bodyCase{{"another type", changed(t, body, field.path, wrongType(field.value)), field.place, api.FieldType}}
	text, isText := field.value.(string)
	if !isText {
		return cases
	}
	raw := func(literal string) string {
		return strings.Replace(changed(t, body, field.path, "MARK"), `"MARK"`, literal, 1)
	}
	cases = append(cases,
		bodyCase{"Latin-1", raw("\"Caf\xe9" + canary + `"`), field.place, api.FieldEncoding},
		bodyCase{"a lone surrogate", raw(`"` + canary + `\ud83d"`), field.place, api.FieldEncoding},
	)
	if rule.text == "" {
		return cases
	}
	cases = append(cases, bodyCase{"too long a text", raw(`"` + strings.Repeat("x", 12_000) + `"`), field.place, api.FieldTooLong})
	if rule.text == "password" {
		return cases
	}
	for _, control := range []string{`\u0000`, `\u001b`, `\u0085`, `\u2028`} {
		cases = append(cases, bodyCase{"a control character", raw(`"` + text + control + `x"`), field.place, api.FieldControl})
	}
	if rule.text == function.Label {
		cases = append(cases, bodyCase{"an invisible character", raw(`"a\u200db"`), field.place, api.FieldInvisible})
	}
	if rule.text != function.Multiline {
		for _, invisible := range []string{`\u200b`, `\u2060`, `\ufeff`, `\u202e`} {
			cases = append(cases, bodyCase{"an invisible character", raw(`"a` + invisible + `b"`), field.place, api.FieldInvisible})
		}
		cases = append(cases, bodyCase{"two lines", raw(`"` + text + `\n` + text + `"`), field.place, api.FieldControl})
	}
	return append(cases, bodyCase{"blanks", raw(`" \u00a0\t"`), field.place, api.FieldBlank})
}

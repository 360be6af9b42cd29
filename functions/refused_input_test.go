package functions_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"souk/shared/api"
	"souk/shared/function/functiontest"
)

// input is a request that earlier versions accepted with an unintended effect.
type input struct {
	function, body, query string
	status                int
	place, code           string // of the error; "" for none
}

// inputs lists requests with their expected responses.
var inputs = []input{
	{"user-role", `{"role":"customer","Role":"root"}`, "", 400, "body.Role", api.FieldUnknown},
	{"password-change", `{"currentPassword":"x","newPassword":"nine blue umbrellas","NewPassword":"ab"}`, "", 400, "body.NewPassword", api.FieldUnknown},
	{"order-place", `{"items":[],"ITEMS":[` + strings.Repeat("0,", 12_000) + `0]}`, "", 400, "body.ITEMS", api.FieldTooMany},
	{"user-register", `{"email":"a@example.com","EMAIL":"` + strings.Repeat("a", 367) + `","password":"seven green bicycles","name":"A"}`, "", 400, "body.EMAIL", api.FieldUnknown},
	{"product-create", `{"price":{"amount":1,"currency":"EUR"},"price":{"amount":2}}`, "", 400, "body.price", api.FieldDuplicate},

	{"order-place", `{"items":null}`, "", 400, "body.items", api.FieldNull},
	{"order-place", `null`, "", 400, "body", api.FieldNull},
	{"order-cancel", `{"reason":null}`, "", 400, "body.reason", api.FieldNull},
	{"user-update", `{"name":null}`, "", 400, "body.name", api.FieldNull},
	{"product-update", `{"price":null}`, "", 400, "body.price", api.FieldNull},
	{"product-update", `{"description":null,"category":null,"images":null,"attributes":null}`, "", 200, "", ""},
	{"product-create", `{"attributes":{"a":null}}`, "", 400, "body.attributes.a", api.FieldNull},
	{"address-update", `{"line2":null}`, "", 200, "", ""},
	{"address-update", `{"city":null}`, "", 400, "body.city", api.FieldNull},

	{"session-create", `{` + manyMembers(1_500) + `}`, "", 400, "body", api.FieldTooMany},
	{"order-place", `{"items":[` + strings.Repeat("0,", 5_000) + `0]}`, "", 400, "body.items", api.FieldTooMany},

	{"user-register", "{\"email\":\"a@example.com\",\"password\":\"caf\xe9 caf\xe9\",\"name\":\"A\"}", "", 400, "body.password", api.FieldEncoding},
	{"user-register", `{"email":"a@example.com","password":"\ud800 bicycles","name":"A"}`, "", 400, "body.password", api.FieldEncoding},
	{"product-create", `{"name":"a\u0000b"}`, "", 400, "body.name", api.FieldControl},
	{"product-create", `{"category":"a\nb"}`, "", 400, "body.category", api.FieldControl},
	{"product-create", `{"name":" "}`, "", 400, "body.name", api.FieldBlank},
	{"product-create", `{"name":""}`, "", 400, "body.name", api.FieldBlank},
	{"stock-adjust", `{"delta":1,"reason":"\u0007"}`, "", 400, "body.reason", api.FieldControl},
	{"stock-adjust", `{"delta":1,"reason":" first\r\nsecond\t "}`, "", 200, "", ""},
	{"order-place", `{"shippingAddress":{"city":"Ber\u0000lin"}}`, "", 400, "body.shippingAddress.city", api.FieldControl},
	{"order-place", `{"shippingAddress":{"line1":"\u200b"}}`, "", 400, "body.shippingAddress.line1", api.FieldBlank},

	{"product-list", "", "q=100%", 400, "query", api.FieldSyntax},
	{"order-list", "", "status=%", 400, "query", api.FieldSyntax},
	{"product-list", "", "q=a;b", 400, "query", api.FieldSyntax},
	{"product-list", "", "q=tea&q=pot", 400, "query.q", api.FieldDuplicate},
	{"product-list", "", "q=Caf%e9", 400, "query.q", api.FieldEncoding},
	{"product-list", "", "q=%00", 400, "query.q", api.FieldControl},
	{"product-list", "", "q=100%25", 200, "", ""},
	{"product-list", "", "pageSize=99999999999999999999", 400, "query.pageSize", api.FieldRange},
	{"order-list", "", "userId=me", 400, "query.userId", api.FieldFormat},

	{"stock-adjust", `{"delta":1000.0,"reason":"counted"}`, "", 200, "", ""},
	{"stock-adjust", `{"delta":1e3,"reason":"counted"}`, "", 200, "", ""},
	{"stock-adjust", `{"delta":1000.5,"reason":"counted"}`, "", 400, "body.delta", api.FieldType},
	{"stock-adjust", `{"delta":9223372036854775808,"reason":"counted"}`, "", 400, "body.delta", api.FieldRange},
	{"order-ship", `{"reason":"x"}`, "", 400, "body.reason", api.FieldUnknown},
	{"order-deliver", `{"reason":"x"}`, "", 400, "body.reason", api.FieldUnknown},
	{"order-ship", `{}`, "", 200, "", ""},
	{"order-deliver", ` `, "", 200, "", ""},
}

func manyMembers(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"%d":0`, i)
	}
	return strings.Join(members, ",")
}

// TestRefusedInput sends inputs that parsers interpret differently.
func TestRefusedInput(t *testing.T) {
	t.Parallel()
	forEachInput(t, func(t *testing.T, s *functiontest.Server, in input, r functiontest.Request) {
		t.Helper()
		response := s.Do(t, r)
		if in.code == "" {
			if response.Status != in.status {
				t.Errorf("got %d, want %d: %s", response.Status, in.status, response.Body)
			}
			return
		}
		if problem := requireRefusal(t, in.body+in.query, response, in.status); !problem.has(in.place, in.code) {
			t.Errorf("got %+v, want %s at %s", problem, in.code, in.place)
		}
	})
}

func forEachInput(t *testing.T, test func(t *testing.T, s *functiontest.Server, in input, r functiontest.Request)) {
	t.Helper()
	for service := range services {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, service)
			for i, in := range inputs {
				f := mustFindFunction(t, in.function)
				if f.Service != service {
					continue
				}
				t.Run(fmt.Sprintf("%d %s", i, in.function), func(t *testing.T) {
					t.Parallel()
					r := requestTo(t, s, f, mustCreateCaller(t, s, f))
					if in.body != "" {
						r.Body = in.body
					}
					if in.query != "" {
						r.Path += "?" + in.query
					}
					test(t, s, in, r)
				})
			}
		})
	}
}

// TestPatch covers the media types of PATCH, and a PATCH without an effect.
func TestPatch(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"product-update", "user-update", "address-update"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := mustFindFunction(t, name)
			s := mustStart(t, f.Service)
			r := requestTo(t, s, f, mustCreateCaller(t, s, f))
			send := func(body, media string) functiontest.Response {
				r.Body, r.Header["Content-Type"] = body, media
				return s.Do(t, r)
			}
			first := send(`{"name":"One"}`, "application/merge-patch+json")
			requireSuccess(t, first)
			for _, body := range []string{`{"name":" One "}`, `{}`} {
				again := send(body, "application/json; charset=utf-8")
				requireSuccess(t, again)
				if string(again.Body) != string(first.Body) || again.Header.Get("ETag") != first.Header.Get("ETag") {
					t.Errorf("%s changed %s into %s", body, first.Body, again.Body)
				}
			}
			for _, media := range []string{"application/problem+json", "application/json-patch+json", "application/json; charset=latin1", "json"} {
				refused := send(`{"name":"Two"}`, media)
				requireRefusal(t, media, refused, http.StatusUnsupportedMediaType)
				if got := refused.Header.Get("Accept-Patch"); got != "application/json, application/merge-patch+json" {
					t.Errorf("%s: Accept-Patch is %q", media, got)
				}
			}
		})
	}
}

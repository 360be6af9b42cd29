package hostcheck_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/emulators/hostcheck"
)

func TestAllows(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"127.0.0.1":              true,
		"127.0.0.1:8080":         true,
		"127.9.9.9:1":            true,
		"[::1]:8080":             true,
		"[::1]":                  true,
		"::1":                    true,
		"[::ffff:127.0.0.1]:80":  true,
		"localhost":              true,
		"LocalHost.:8080":        true,
		"shop.localhost:8080":    true,
		"shop.test":              true,
		"SHOP.test:443":          true,
		"192.168.1.7:80":         true,
		"":                       false,
		":8080":                  false,
		"evil.example":           false,
		"evil.example:8080":      false,
		"127.0.0.1.evil.example": false,
		"localhost.evil.example": false,
		"evillocalhost":          false,
		"a.shop.test":            false,
		"192.168.1.8":            false,
		"0.0.0.0:8080":           false,
		"[::1]evil.example":      false,
		"2130706433":             false,
	} {
		hosts, err := hostcheck.Parse("shop.test, 192.168.1.7,")
		if err != nil {
			t.Fatal(err)
		}
		if got := hosts.Allows(header); got != want {
			t.Errorf("Host %q is allowed: %t", header, got)
		}
		if all := (hostcheck.Hosts{"*"}); !all.Allows(header) {
			t.Errorf("Host %q is not allowed by *", header)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]int{"": 0, " , ": 0, "*": 1, "a,b.example ,::1,[::1],a_b": 5} {
		if hosts, err := hostcheck.Parse(list); err != nil || len(hosts) != want {
			t.Errorf("%q is %v, %v", list, hosts, err)
		}
	}
	for _, list := range []string{"http://shop.test", "shop.test:8080", "*.shop.test", "a b", "ü.example", "a,.b"} {
		if hosts, err := hostcheck.Parse(list); err == nil {
			t.Errorf("%q is %v", list, hosts)
		}
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	handler := hostcheck.Hosts{"shop.test"}.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusTeapot)
	}))
	for host, want := range map[string]int{"shop.test:1": http.StatusTeapot, "evil.example": http.StatusMisdirectedRequest} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		request.Host = host
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, request)
		if response.Code != want {
			t.Errorf("%s: %d, want %d", host, response.Code, want)
		}
		if body := response.Body.String(); want == http.StatusMisdirectedRequest &&
			(!strings.Contains(body, "host_not_allowed") || !strings.Contains(body, "--allowed-hosts") || strings.Contains(body, "evil")) {
			t.Errorf("the problem is %s", body)
		}
	}
}

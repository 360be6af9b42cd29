package console

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"souk/functions"
)

const testToken = "a-token-for-tests"

// newConsole starts a console without sources, unless change adds them, and returns its URL.
func newConsole(t *testing.T, change func(*Options)) (*Console, string) {
	t.Helper()
	options := Options{Manifest: functions.Manifest(), Token: testToken}
	if change != nil {
		change(&options)
	}
	c, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Cleanup(c.Close)
	return c, server.URL
}

// call is a request of a test.
type call struct {
	method, path, host string
	header             http.Header
	trusted            bool
	form               url.Values
}

// send sends a request and returns the status. The cookie is that of the console's port.
func (a call) send(t *testing.T, base string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), a.method, base+a.path, strings.NewReader(a.form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	maps.Copy(request.Header, a.header)
	if a.host != "" {
		request.Host = a.host
	}
	if a.trusted {
		u, err := url.Parse(base)
		if err != nil {
			t.Fatal(err)
		}
		request.AddCookie(&http.Cookie{Name: tokenCookie + u.Port(), Value: testToken})
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode
}

package pubsub_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// statusCodes are the status codes of push responses, and whether they acknowledge:
// https://cloud.google.com/pubsub/docs/push#receive_push
var statusCodes = []struct {
	code         int
	acknowledges bool
	unless       difference
}{
	{102, true, ""}, {200, true, ""}, {201, true, ""}, {204, true, ""},
	{202, true, acceptedFails},
	{203, false, nonAuthoritativeAcknowledges},
	{205, false, ""}, {206, false, ""}, {304, false, ""},
	{400, false, ""}, {401, false, ""}, {403, false, ""}, {404, false, ""}, {408, false, ""}, {409, false, ""},
	{410, false, ""}, {422, false, ""}, {429, false, ""},
	{500, false, ""}, {501, false, ""}, {502, false, ""}, {503, false, ""}, {504, false, ""},
}

// testStatusCodes responds to a message once with each code. A second message, which
// fails at the same time, is delivered again; if the first was not delivered again
// until then, it was acknowledged.
func testStatusCodes(t *testing.T, b broker) {
	endpoints := map[int]*endpoint{}
	for _, c := range statusCodes {
		e := mustEndpoint(t, func(w http.ResponseWriter, r *http.Request, p pushed) {
			switch {
			case p.Data() == "sentinel":
				failFirst(2)(w, r, p)
			case p.Nth > 1:
				w.WriteHeader(http.StatusOK)
			case c.code == http.StatusProcessing:
				respondOnly(t, w, c.code)
			default:
				w.WriteHeader(c.code)
			}
		})
		endpoints[c.code] = e
		topic := b.mustTopic(t)
		b.mustSubscribe(t, topic, pushTo(e), soon)
		b.mustPublishAll(t, topic, text("probe"), text("sentinel"))
	}
	for _, c := range statusCodes {
		t.Run(fmt.Sprint(c.code), func(t *testing.T) {
			e, want := endpoints[c.code], c.acknowledges != b.lacks[c.unless]
			if !want {
				e.mustReceiveUntil(t, func(p pushed) bool { return p.Data() == "probe" && p.Nth == 2 })
				return
			}
			for _, p := range e.mustReceiveUntil(t, func(p pushed) bool { return p.Data() == "sentinel" && p.Nth == 3 }) {
				if p.Data() == "probe" && p.Nth > 1 {
					t.Errorf("the message was delivered again after %d", c.code)
				}
			}
		})
	}
}

// respondOnly sends a status that net/http does not allow as the final one.
func respondOnly(t *testing.T, w http.ResponseWriter, code int) {
	connection, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		t.Errorf("hijack: %v", err)
		return
	}
	if _, err := fmt.Fprintf(buffer, "HTTP/1.1 %d %s\r\n\r\n", code, http.StatusText(code)); err != nil {
		t.Errorf("write: %v", err)
	}
	if err := errors.Join(buffer.Flush(), connection.Close()); err != nil {
		t.Errorf("respond with %d: %v", code, err)
	}
}

// testRedirects responds with redirects. A redirect is no acknowledgement, and the
// push token must not be sent to the other host.
func testRedirects(t *testing.T, b broker) {
	for _, code := range []int{301, 302, 307, 308} {
		t.Run(fmt.Sprint(code), func(t *testing.T) {
			elsewhere := make(chan struct{}, 1)
			server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere <- struct{}{} }))
			t.Cleanup(server.Close)
			e := mustEndpoint(t, func(w http.ResponseWriter, r *http.Request, p pushed) {
				if p.Nth == 1 {
					http.Redirect(w, r, server.URL, code)
				}
			})
			topic := b.mustTopic(t)
			b.mustSubscribe(t, topic, pushTo(e), soon)
			b.mustPublish(t, topic, text("redirected"))
			if b.lacks[redirectsAreFollowed] && code != http.StatusPermanentRedirect {
				select {
				case <-elsewhere:
				case <-time.After(waitLimit):
					t.Errorf("known difference has disappeared: %d was not followed", code)
				}
				return
			}
			e.mustReceiveSeveral(t, 2)
			if len(elsewhere) > 0 {
				t.Errorf("%d was followed", code)
			}
		})
	}
}

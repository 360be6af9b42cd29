package api_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"souk/shared/api"
)

func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	limit := api.RateLimit{Name: "login", Quota: 10, Window: time.Minute}
	for name, c := range map[string]struct {
		remaining         int
		reset             time.Duration
		retry, rate, says string
	}{
		"has the time until the next try":                {0, 30 * time.Second, "30", `"login";r=0;t=30`, "Too many requests. Try again in 30 s."},
		"rounds up to the second":                        {3, 1001 * time.Millisecond, "2", `"login";r=3;t=2`, "Too many requests. Try again in 2 s."},
		"is at least a second, and remaining at least 0": {-1, 0, "1", `"login";r=0;t=1`, "Too many requests. Try again in 1 s."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			p := api.TooManyRequests(limit, c.remaining, c.reset)
			p.Write(w, httptest.NewRequest(http.MethodPost, "/", nil))
			if w.Code != 429 || p.Code != "too_many_requests" || p.Detail != c.says {
				t.Errorf("got %d %v", w.Code, p)
			}
			for header, want := range map[string]string{"Retry-After": c.retry, "RateLimit": c.rate, "RateLimit-Policy": `"login";q=10;w=60`} {
				if got := w.Header().Get(header); got != want {
					t.Errorf("%s is %q, want %q", header, got, want)
				}
			}
		})
	}
}

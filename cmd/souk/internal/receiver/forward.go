package receiver

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"syscall"
)

// newProxy returns the handler that forwards requests to a URL, with their headers and bodies, and responds with
// its responses.
func newProxy(target *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			to := *target
			r.Out.URL, r.Out.Host = &to, ""
		},
		// A compressed response must not be asked for: the headers remain those of the shop.
		Transport:    &http.Transport{DisableCompression: true},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) { refuse(w, target, err) },
		ErrorLog:     slog.NewLogLogger(slog.DiscardHandler, slog.LevelDebug),
	}
}

// refuse responds to a request that could not be forwarded, so that the shop sends it again.
func refuse(w http.ResponseWriter, target *url.URL, err error) {
	status, problem := http.StatusBadGateway, "not forwarded: "+err.Error()
	_, noHost := errors.AsType[*net.DNSError](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		problem = "not forwarded: nothing listens at " + target.Host + ": start your server, the event is sent again"
	case noHost:
		problem = "not forwarded: there is no host " + target.Hostname() + ": correct --forward"
	case errors.Is(err, context.DeadlineExceeded):
		status, problem = http.StatusGatewayTimeout, "not forwarded in time: the shop waits for 10 s at most: respond first, and work afterwards"
	}
	if out, ok := w.(*response); ok {
		out.problem = problem
	}
	http.Error(w, problem, status)
}

package receiver

import (
	"context"
	"errors"
	"net"
	"net/http"
	"syscall"
	"time"
)

// probeTimeout bounds the request of IsRunning.
const probeTimeout = 2 * time.Second

// IsRunning reports whether a receiver serves a URL. It reports true if that is unknown: the URL of another
// receiver must not be taken for one of a receiver that was killed.
func IsRunning(ctx context.Context, url string) bool {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return true
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		dns, isDNS := errors.AsType[*net.DNSError](err) // of a tunnel that was closed
		return !errors.Is(err, syscall.ECONNREFUSED) && (!isDNS || !dns.IsNotFound)
	}
	defer response.Body.Close()
	return response.Header.Get(headerRunning) != ""
}

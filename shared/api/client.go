package api

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// headerForwardedFor lists where a request came from, each proxy's entry at its end.
const headerForwardedFor = "X-Forwarded-For"

// ClientAddress returns the address that a request comes from: the entry of
// X-Forwarded-For with as many entries after it as hops says. Only proxies of our
// own append to that header, so what a client wrote there itself stands further to
// the left, wherever it likes, and is not looked at. Behind Google's external
// Application Load Balancer, which appends the client's address and its own, hops is 1:
// https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
//
// Without such an entry it is the address of whoever is connected, which no header
// can change; not valid if that has none.
func ClientAddress(r *http.Request, hops int) netip.Addr {
	entries := strings.Split(strings.Join(r.Header.Values(headerForwardedFor), ","), ",")
	if at := len(entries) - 1 - hops; at >= 0 {
		if address, err := netip.ParseAddr(strings.TrimSpace(entries[at])); err == nil {
			return address.Unmap().WithZone("")
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap().WithZone("")
}

// AppendClient adds to X-Forwarded-For what Google's load balancer adds, after
// what the client sent: the client's address and the proxy's own.
func AppendClient(header http.Header, sent []string, client, proxy netip.Addr) {
	header.Set(headerForwardedFor, strings.Join(append(slices.Clip(sent), client.String(), proxy.String()), ","))
}

// ClientNetwork returns what one customer of a network provider has at the least:
// an IPv4 address, or the 64 bits of IPv6 within which a client picks any address
// it likes (RFC 6177).
func ClientNetwork(address netip.Addr) netip.Prefix {
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	network, err := address.Prefix(bits)
	if err != nil { // not of an address that is valid or has no zone
		return netip.Prefix{}
	}
	return network
}

type clientKey struct{}

// WithClient returns a context that knows the request's client by its address.
func WithClient(ctx context.Context, address netip.Addr) context.Context {
	return context.WithValue(ctx, clientKey{}, address)
}

// Client returns the address of the request's client; not valid outside a request.
func Client(ctx context.Context) netip.Addr {
	address, _ := ctx.Value(clientKey{}).(netip.Addr)
	return address
}

// CheckHops says what is wrong with the number of hops of ClientAddress.
func CheckHops(hops int) error {
	if hops < 0 {
		return fmt.Errorf("TRUSTED_HOPS is %d: there are 0 or more entries after the client's", hops)
	}
	return nil
}

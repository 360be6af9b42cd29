package api

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// headerForwardedFor lists the addresses that a request has passed; each proxy appends one.
const headerForwardedFor = "X-Forwarded-For"

// ClientAddress returns the address that a request comes from: the entry of
// X-Forwarded-For that is followed by hops entries. Only trusted proxies append to that
// header, so entries that a client sent are further to the left and are ignored. Behind
// Google's external Application Load Balancer, which appends the client's address and
// its own, hops is 1:
// https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
//
// Without such an entry it is the address of the connection's peer, which no header can
// change; it is not valid if the peer has none.
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

// AppendClient appends to X-Forwarded-For what Google's load balancer appends to what
// the client sent: the client's address and the proxy's own.
func AppendClient(header http.Header, sent []string, client, proxy netip.Addr) {
	header.Set(headerForwardedFor, strings.Join(append(slices.Clip(sent), client.String(), proxy.String()), ","))
}

// ClientNetwork returns the smallest network that a provider assigns to one customer: an
// IPv4 address, or an IPv6 /64, within which a client may choose its address (RFC 6177).
func ClientNetwork(address netip.Addr) netip.Prefix {
	bits := address.BitLen()
	if address.Is6() {
		bits = 64
	}
	network, err := address.Prefix(bits)
	if err != nil { // the address is not valid or has a zone
		return netip.Prefix{}
	}
	return network
}

type clientKey struct{}

// WithClient returns a context with the address of the request's client.
func WithClient(ctx context.Context, address netip.Addr) context.Context {
	return context.WithValue(ctx, clientKey{}, address)
}

// Client returns the address of the request's client. It is not valid outside a request.
func Client(ctx context.Context) netip.Addr {
	address, _ := ctx.Value(clientKey{}).(netip.Addr)
	return address
}

// CheckHops returns an error if hops is not a valid argument of ClientAddress.
func CheckHops(hops int) error {
	if hops < 0 {
		return fmt.Errorf("TRUSTED_HOPS is %d: it must be 0 or more", hops)
	}
	return nil
}

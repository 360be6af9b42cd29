package api_test

import (
	"net/http"
	"net/netip"
	"testing"

	"souk/shared/api"
)

func TestClientAddress(t *testing.T) {
	t.Parallel()
	const peer = "10.9.8.7:1234"
	for name, test := range map[string]struct {
		hops      int
		peer      string
		forwarded []string
		want      string
	}{
		"is the entry that the load balancer appended":   {1, peer, []string{"203.0.113.9,198.51.100.1"}, "203.0.113.9"},
		"is not an entry of the client":                  {1, peer, []string{"192.0.2.66, 192.0.2.67,203.0.113.9,198.51.100.1"}, "203.0.113.9"},
		"is not an entry of the client on other lines":   {1, peer, []string{"192.0.2.66", "192.0.2.67", "203.0.113.9, 198.51.100.1"}, "203.0.113.9"},
		"does not depend on malformed entries before it": {1, peer, []string{`";,,unknown, ,203.0.113.9,198.51.100.1`}, "203.0.113.9"},
		"is the last entry without hops":                 {0, peer, []string{"192.0.2.66,203.0.113.9"}, "203.0.113.9"},
		"counts every hop":                               {2, peer, []string{"192.0.2.66,203.0.113.9,198.51.100.1,198.51.100.2"}, "203.0.113.9"},
		"is the peer without the header":                 {1, peer, nil, "10.9.8.7"},
		"is the peer when an entry is missing":           {1, peer, []string{"192.0.2.66"}, "10.9.8.7"},
		"is the peer when the entry is not an address":   {1, peer, []string{"unknown,198.51.100.1"}, "10.9.8.7"},
		"is the peer when the entry has a port":          {1, peer, []string{"192.0.2.66:80,198.51.100.1"}, "10.9.8.7"},
		"is normalized for IPv6":                         {1, peer, []string{"2001:DB8::1,198.51.100.1"}, "2001:db8::1"},
		"is IPv4 for IPv4 in IPv6":                       {1, peer, []string{"::ffff:203.0.113.9,198.51.100.1"}, "203.0.113.9"},
		"is an IPv6 peer without its zone":               {1, "[fe80::1%eth0]:80", nil, "fe80::1"},
		"is invalid without a peer":                      {1, "@", nil, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{RemoteAddr: test.peer, Header: http.Header{"X-Forwarded-For": test.forwarded}}
			if got := api.ClientAddress(r, test.hops).String(); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestAppendClient(t *testing.T) {
	t.Parallel()
	client, proxy := netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("198.51.100.1")
	sent := make([]string, 1, 8)
	sent[0] = "192.0.2.66"
	header := http.Header{}
	api.AppendClient(header, sent, client, proxy)
	if got := header.Get("X-Forwarded-For"); got != "192.0.2.66,203.0.113.9,198.51.100.1" {
		t.Errorf("got %s", got)
	}
	if got := api.ClientAddress(&http.Request{Header: header}, 1); got != client {
		t.Errorf("got %s", got)
	}
	if sent[:2][1] != "" {
		t.Error("the client's header was changed")
	}
}

func TestClientNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"203.0.113.9":          "203.0.113.9/32",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::":  "2001:db8:1:2::/64",
		"2001:db8:1:3:3:4:5:6": "2001:db8:1:3::/64",
	} {
		if got := api.ClientNetwork(netip.MustParseAddr(address)).String(); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
	if got := api.ClientNetwork(netip.Addr{}); got.IsValid() {
		t.Errorf("no address has network %s", got)
	}
}

func TestClient(t *testing.T) {
	t.Parallel()
	address := netip.MustParseAddr("203.0.113.9")
	if got := api.Client(api.WithClient(t.Context(), address)); got != address {
		t.Errorf("got %s", got)
	}
	if api.Client(t.Context()).IsValid() {
		t.Error("there is a client without a request")
	}
}

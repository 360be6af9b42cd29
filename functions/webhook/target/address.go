package target

import (
	"encoding/binary"
	"net/netip"
)

// forbiddenPrefixes are the addresses that the Internet does not route to the servers of other parties:
// the special-purpose registries of IANA, and the addresses of metadata servers of clouds.
// https://www.iana.org/assignments/iana-ipv4-special-registry
// https://www.iana.org/assignments/iana-ipv6-special-registry
var forbiddenPrefixes = parsePrefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // shared by carriers (CGNAT), and metadata of Alibaba Cloud
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // metadata of Azure
	"169.254.0.0/16",   // link-local, and metadata of most clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // protocol assignments
	"192.0.2.0/24",     // documentation
	"192.31.196.0/24",  // AS112
	"192.52.193.0/24",  // AMT
	"192.88.99.0/24",   // 6to4 relays
	"192.168.0.0/16",   // private
	"192.175.48.0/24",  // AS112
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, and broadcast
	"64:ff9b:1::/48",   // NAT64 of a local network
)

// globalUnicast is the only part of IPv6 that the Internet routes (RFC 4291, section 2.4). What is
// in none of it, such as loopback, link-local, unique local and multicast addresses, is forbidden.
var globalUnicast = netip.MustParsePrefix("2000::/3")

// forbiddenGlobal are the parts of globalUnicast that are not servers.
var forbiddenGlobal = parsePrefixes(
	"2001::/23",         // protocol assignments, among them Teredo, benchmarks and ORCHID
	"2001:db8::/32",     // documentation
	"2002::/16",         // 6to4
	"2620:4f:8000::/48", // AS112
	"3fff::/20",         // documentation
)

// nat64 is the prefix by which IPv6 networks reach IPv4 addresses (RFC 6052).
var nat64 = netip.MustParsePrefix("64:ff9b::/96")

func parsePrefixes(texts ...string) []netip.Prefix {
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}

// isPublic reports whether an address is one of the Internet's. An IPv4 address in an IPv6 address
// is what its network would reach.
func isPublic(address netip.Addr) bool {
	address = address.WithZone("").Unmap()
	if address.Is4() {
		return address.IsGlobalUnicast() && !containedIn(forbiddenPrefixes, address)
	}
	if nat64.Contains(address) {
		return isPublic(embeddedIPv4(address))
	}
	return globalUnicast.Contains(address) && !containedIn(forbiddenGlobal, address)
}

// embeddedIPv4 returns the last 32 bits of an IPv6 address.
func embeddedIPv4(address netip.Addr) netip.Addr {
	bytes := address.As16()
	var v4 [4]byte
	binary.BigEndian.PutUint32(v4[:], binary.BigEndian.Uint32(bytes[12:]))
	return netip.AddrFrom4(v4)
}

func containedIn(prefixes []netip.Prefix, address netip.Addr) bool {
	for _, prefix := range prefixes {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// Package target decides which addresses the service may send requests to: addresses that clients
// enter must not lead into the network of the service (server-side request forgery).
//
// CheckURL refuses what can be seen in a URL, for a good error message. What counts is the address
// of each connection, after the name has been resolved: see Policy.NewClient.
package target

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// ErrForbidden is the error of a target that requests are not sent to.
var ErrForbidden = errors.New("forbidden target")

// Policy defines which targets are allowed.
type Policy struct {
	// Local also allows loopback addresses, http and any port, for a local system.
	Local bool
}

// maxURL is the maximum length of a URL in bytes.
const maxURL = 2048

// minPort is the lowest port besides 443 and 80 that is allowed: those below are of other protocols.
const minPort = 1024

// forbiddenPorts are ports from minPort on that servers of other protocols listen at. A request to
// one of them could be read as a command.
var forbiddenPorts = []uint16{1433, 1521, 1719, 1720, 1723, 2049, 2181, 2375, 2376, 2379, 2380, 3306, 3389, 3659, 4045, 4190, 5060, 5061, 5432, 5900, 5984, 6000, 6379,
	6443, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 9092, 9100, 9200, 9300, 10080, 10250, 10255, 11211, 27017, 50000}

// localSuffixes are the ends of names that never are those of a public server.
var localSuffixes = []string{"localhost", "local", "internal", "intranet", "lan", "home.arpa", "corp", "home", "private", "test", "invalid", "onion"}

// CheckURL returns an error, which describes what to send instead, for a URL that is forbidden or
// cannot be used.
func (p Policy) CheckURL(text string) error {
	if len(text) > maxURL {
		return fmt.Errorf("must have at most %d bytes", maxURL)
	}
	if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == '\\' || r > '~' }) {
		return errors.New("must be an absolute URL of ASCII characters, without spaces and backslashes: use Punycode for other names")
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Opaque != "" {
		return errors.New("must be an absolute URL, such as https://example.com/hook")
	}
	if u.Scheme != "https" && (!p.Local || u.Scheme != "http") {
		return errors.New("must begin with https://")
	}
	if u.User != nil {
		return errors.New("must not contain a user name or password: requests are authenticated by their signature")
	}
	if u.Fragment != "" || strings.Contains(text, "#") {
		return errors.New("must not contain a fragment, which is not sent")
	}
	if err := p.checkPort(u.Port()); err != nil {
		return err
	}
	return p.checkHost(u.Hostname())
}

func (p Policy) checkPort(text string) error {
	if text == "" {
		return nil
	}
	port, err := strconv.ParseUint(text, 10, 16)
	if err != nil || !p.allowsPort(uint16(port)) {
		return errors.New("must have the port 443, or one from 1024 on that no other protocol uses")
	}
	return nil
}

// allowsPort reports whether requests are sent to a port.
func (p Policy) allowsPort(port uint16) bool {
	return port != 0 && (p.Local || port == 443 || port >= minPort && !slices.Contains(forbiddenPorts, port))
}

// labelCharacters are those of the parts of a name, in small letters.
const labelCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_"

var errHost = errors.New("must have the name of a host that is reachable from the Internet, such as example.com")

// checkHost returns an error for a name or address that is not public.
func (p Policy) checkHost(host string) error {
	host = strings.ToLower(host)
	if strings.HasPrefix(host, "[") || strings.Contains(host, "%") {
		return errHost
	}
	if address, err := netip.ParseAddr(host); err == nil {
		if !p.allows(address) {
			return errHost
		}
		return nil
	}
	if p.Local && host == "localhost" {
		return nil
	}
	// Everything that ends with a number is an IPv4 address, in one of the forms of inet_aton:
	// https://url.spec.whatwg.org/#ends-in-a-number-checker
	name := strings.TrimSuffix(host, ".")
	last := name[strings.LastIndex(name, ".")+1:]
	if isNumber(last) || !strings.Contains(name, ".") {
		return errHost
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, labelCharacters) != "" {
			return errHost
		}
	}
	for _, suffix := range localSuffixes {
		if strings.HasSuffix(name, "."+suffix) {
			return errHost
		}
	}
	return nil
}

// isNumber reports whether a label is a decimal, octal or hexadecimal number.
func isNumber(label string) bool {
	if digits, found := strings.CutPrefix(label, "0x"); found {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return label != "" && strings.Trim(label, "0123456789") == ""
}

// allows reports whether requests are sent to an address.
func (p Policy) allows(address netip.Addr) bool {
	return isPublic(address) || p.Local && address.Unmap().IsLoopback()
}

// control is the Control of a net.Dialer: it is called with the address of each connection after
// the name was resolved and before the connection is opened, so that no other address can be used.
func (p Policy) control(network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || network != "tcp4" && network != "tcp6" {
		return fmt.Errorf("%w: %s %s is no address of TCP", ErrForbidden, network, address)
	}
	if !p.allows(target.Addr()) || !p.allowsPort(target.Port()) {
		return fmt.Errorf("%w: %s", ErrForbidden, target)
	}
	return nil
}

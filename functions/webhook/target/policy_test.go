package target_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"souk/functions/webhook/target"
)

// forbidden are addresses that no request may be sent to, in the forms in which a URL can have them.
var forbidden = map[string]string{
	"loopback":                         "127.0.0.1",
	"another loopback address":         "127.255.255.254",
	"loopback as a number":             "2130706433",
	"loopback as a hexadecimal number": "0x7f000001",
	"loopback as an octal number":      "017700000001",
	"loopback with octal parts":        "0177.0.0.1",
	"loopback with hexadecimal parts":  "0x7f.0x0.0x0.0x1",
	"loopback with two parts":          "127.1",
	"loopback of IPv6":                 "[::1]",
	"loopback of IPv6 in full":         "[0:0:0:0:0:0:0:1]",
	"loopback mapped to IPv6":          "[::ffff:127.0.0.1]",
	"loopback mapped, in hexadecimal":  "[::ffff:7f00:1]",
	"loopback compatible with IPv4":    "[::127.0.0.1]",
	"localhost":                        "localhost",
	"localhost in capitals":            "LOCALHOST",
	"a name below localhost":           "app.localhost",
	"localhost with a dot":             "localhost.",
	"unspecified":                      "0.0.0.0",
	"unspecified as zero":              "0",
	"unspecified of IPv6":              "[::]",
	"this network":                     "0.1.2.3",
	"private 10":                       "10.0.0.1",
	"private 172":                      "172.31.255.255",
	"private 192":                      "192.168.1.1",
	"private mapped to IPv6":           "[::ffff:10.0.0.1]",
	"carrier-grade NAT":                "100.64.0.1",
	"metadata":                         "169.254.169.254",
	"metadata as a number":             "2852039166",
	"metadata as hexadecimal parts":    "0xa9.0xfe.0xa9.0xfe",
	"metadata mapped to IPv6":          "[::ffff:169.254.169.254]",
	"metadata of AWS by IPv6":          "[fd00:ec2::254]",
	"metadata of Google by name":       "metadata.google.internal",
	"metadata of Alibaba Cloud":        "100.100.100.200",
	"metadata of Azure":                "168.63.129.16",
	"metadata of Oracle":               "192.0.0.192",
	"link-local of IPv6":               "[fe80::1]",
	"link-local with a zone":           "[fe80::1%25eth0]",
	"unique local":                     "[fc00::1]",
	"site-local":                       "[fec0::1]",
	"multicast":                        "224.0.0.1",
	"multicast of IPv6":                "[ff02::1]",
	"broadcast":                        "255.255.255.255",
	"reserved":                         "240.0.0.1",
	"documentation":                    "192.0.2.1",
	"documentation 2":                  "198.51.100.1",
	"documentation 3":                  "203.0.113.1",
	"documentation of IPv6":            "[2001:db8::1]",
	"new documentation of IPv6":        "[3fff::1]",
	"benchmarks":                       "198.18.0.1",
	"6to4 relay":                       "192.88.99.1",
	"6to4 of loopback":                 "[2002:7f00:1::]",
	"6to4 of a private address":        "[2002:a00:1::1]",
	"Teredo":                           "[2001:0:a00:1::1]",
	"NAT64 of loopback":                "[64:ff9b::7f00:1]",
	"NAT64 of metadata":                "[64:ff9b::169.254.169.254]",
	"NAT64 of a local network":         "[64:ff9b:1::1]",
	"discard-only":                     "[100::1]",
	"a name of one label":              "intranet",
	"a local name":                     "printer.local",
	"an internal name":                 "db.internal",
}

// TestForbiddenURLs checks that all are refused when an endpoint is created, and when a client
// connects to them: a name or a form that a check of the URL misses is resolved, and the address
// counts.
func TestForbiddenURLs(t *testing.T) {
	t.Parallel()
	client := target.Policy{}.NewClient(target.ClientOptions{Resolver: resolver(t, "127.0.0.1")})
	for name, host := range forbidden {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := "https://" + host + "/hook"
			if err := (target.Policy{}).CheckURL(url); err == nil {
				t.Errorf("%s is accepted", url)
			}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			response, err := client.Do(r)
			if err == nil {
				response.Body.Close()
				t.Fatalf("%s responds with %d", url, response.StatusCode)
			}
			var dns *net.DNSError // what the resolver does not know has no address
			if !errors.Is(err, target.ErrForbidden) && !errors.As(err, &dns) {
				t.Errorf("%s: %v", url, err)
			}
		})
	}
}

// TestForbiddenForms checks what is refused whatever the address is.
func TestForbiddenForms(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"http":                     "http://example.com/",
		"another scheme":           "gopher://example.com/",
		"a file":                   "file:///etc/passwd",
		"no scheme":                "example.com/hook",
		"no host":                  "https:///hook",
		"a user name":              "https://user@example.com/",
		"a user name and password": "https://a:b@example.com/",
		"a backslash":              `https://example.com\@127.0.0.1/`,
		"a line feed":              "https://example.com/\n",
		"a space":                  "https://example.com/a b",
		"a fragment":               "https://example.com/#a",
		"an empty fragment":        "https://example.com/#",
		"a name that is not ASCII": "https://bücher.example/",
		"wide digits":              "https://１２７.0.0.1/",
		"a port below 1024":        "https://example.com:25/",
		"port 0":                   "https://example.com:0/",
		"a port of a database":     "https://example.com:3306/",
		"a port that is too high":  "https://example.com:65536/",
		"a very long URL":          "https://example.com/" + strings.Repeat("a", 2048),
		"an opaque URL":            "https:example.com",
		"an empty label":           "https://example..com/",
		"an escaped host":          "https://%31%32%37.0.0.1/",
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			t.Parallel()
			if err := (target.Policy{}).CheckURL(url); err == nil {
				t.Errorf("%q is accepted", url)
			}
		})
	}
	for _, url := range []string{
		"https://example.com", "https://EXAMPLE.com/hook?a=b", "https://example.com:443/", "https://example.com:8443/", "https://8.8.8.8/", "https://[2606:4700::1111]/",
		"https://xn--bcher-kva.example/", "https://example.com./", "https://1e100.net/",
	} {
		if err := (target.Policy{}).CheckURL(url); err != nil {
			t.Errorf("%s is refused: %v", url, err)
		}
	}
	local := target.Policy{Local: true}
	for url, want := range map[string]bool{
		"http://127.0.0.1:3000/hook": true, "http://localhost:3000/": true, "https://[::1]:80/": true, "http://10.0.0.1/": false, "http://169.254.169.254/": false,
		"http://0.0.0.0/": false,
	} {
		if err := local.CheckURL(url); (err == nil) != want {
			t.Errorf("%s on a local system: %v", url, err)
		}
	}
}

// TestRebinding has a name whose first address is public and whose later ones are private: the
// address of each connection counts, and not that of an earlier check.
func TestRebinding(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the server got a request") }))
	t.Cleanup(server.Close)
	client := target.Policy{}.NewClient(target.ClientOptions{Resolver: resolver(t, "192.88.99.1", "127.0.0.1", "10.0.0.1", "169.254.169.254")})
	for range 4 {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, strings.Replace(server.URL, "127.0.0.1", "rebind.example.com", 1), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(r)
		if err == nil {
			response.Body.Close()
		}
		if !errors.Is(err, target.ErrForbidden) {
			t.Errorf("got %v, want that the target is forbidden", err)
		}
	}
}

// TestLocal checks that a local system reaches this machine, and nothing else, and that redirects and
// the proxy of the environment are not followed.
func TestLocal(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	server := httptest.NewServer(http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	client := target.Policy{Local: true}.NewClient(target.ClientOptions{Resolver: resolver(t, "10.0.0.1")})
	response, err := client.Post(server.URL, "application/json", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusTemporaryRedirect {
		t.Errorf("the status is %d: a redirect was followed", response.StatusCode)
	}
	if _, err := client.Post("http://private.example.com/", "application/json", nil); !errors.Is(err, target.ErrForbidden) {
		t.Errorf("got %v, want that the target is forbidden", err)
	}
}

// resolver returns a resolver whose server responds to each query with the next of the addresses, and
// then with the last.
func resolver(t *testing.T, addresses ...string) *net.Resolver {
	t.Helper()
	server := newNameServer(t, addresses)
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", server)
	}}
}

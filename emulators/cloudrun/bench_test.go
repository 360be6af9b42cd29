package cloudrun

import (
	"io"
	"net/http"
	"testing"
)

// BenchmarkProxy measures a request through the function's URL and one sent directly to
// the instance.
func BenchmarkProxy(b *testing.B) {
	p := mustStart(b, "")
	p.mustPID(b)
	direct := "http://" + p.byName["hello"].instances[0].address
	for name, url := range map[string]string{"direct": direct, "through the platform": p.URL("hello")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				response, err := p.client.Get(url + "/pid")
				if err != nil {
					b.Fatal(err)
				}
				if _, err := io.Copy(io.Discard, response.Body); err != nil || response.StatusCode != http.StatusOK {
					b.Fatal(response.Status, err)
				}
				if err := response.Body.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkColdStart measures the time from a first request to its response.
func BenchmarkColdStart(b *testing.B) {
	for b.Loop() {
		p := mustStart(b, "")
		p.mustPID(b)
		if err := p.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

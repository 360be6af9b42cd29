package cloudrun

import (
	"io"
	"net/http"
	"testing"
)

// BenchmarkProxy prints what a request costs through the function's URL, and what
// it costs sent to the instance directly.
func BenchmarkProxy(b *testing.B) {
	p := MustStart(b, "")
	p.MustPID(b)
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

// BenchmarkColdStart prints the time from a first request to its answer.
func BenchmarkColdStart(b *testing.B) {
	for b.Loop() {
		p := MustStart(b, "")
		p.MustPID(b)
		if err := p.Stop(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

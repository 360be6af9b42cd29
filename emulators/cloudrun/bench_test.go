package cloudrun

import (
	"io"
	"net/http"
	"testing"

	"souk/emulators/cloudrun/cgroup"
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

// BenchmarkLimits measures a request in process, without and with limits of CPU and memory.
func BenchmarkLimits(b *testing.B) {
	m, err := cgroup.Open()
	if err != nil {
		b.Skip(err)
	}
	for name, manager := range map[string]*cgroup.Manager{"without limits": nil, "with limits": m} {
		b.Run(name, func(b *testing.B) {
			p := mustStart(b, "", func(o *Options) { o.Cgroups = manager })
			client := &http.Client{Transport: p.Transport("hello")}
			direct := &platform{Platform: p.Platform, client: client}
			b.ReportAllocs()
			for b.Loop() {
				direct.mustPID(b)
			}
		})
	}
	if err := m.Close(); err != nil {
		b.Fatal(err)
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

package e2e_test

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/functions"
	"souk/functions/product"
	"souk/shared/function/functiontest"
)

// openCompose returns the system of containers, or skips the test.
func openCompose(t *testing.T) (*system, *compose) {
	t.Helper()
	if containers == nil {
		t.Skip("this is a test of Docker Compose: set SOUK_COMPOSE=1, or run make test-compose")
	}
	s := startSystem(t)
	return s, s.platform.(*compose)
}

// TestComposeKill kills a container while orders are placed, and starts it again.
func TestComposeKill(t *testing.T) {
	s, c := openCompose(t)
	for _, service := range []string{
		"gateway", "mysql", "pubsub", "relay", "scheduler", "mail",
		"order-place", "stock-reserve", "order-confirm", "order-reject", "order-cancel", "stock-release",
	} {
		t.Run("orders add up after "+service+" was killed", func(t *testing.T) {
			s.requireSurvival(t, func() {
				c.mustDocker(t, "compose", "kill", service)
				// The commands take long enough for requests to fail.
				c.mustDocker(t, "compose", "start", service)
			})
		})
	}
	t.Run("orders add up after every function was killed", func(t *testing.T) {
		s.requireSurvival(t, func() {
			for _, f := range functions.Manifest().Functions {
				c.kill(t, f.Name)
			}
		})
	})
}

// requireSurvival places at least 200 orders, disrupts the system after the first 60, and
// requires that no acknowledged order is lost and that the stock adds up.
func (s *system) requireSurvival(t *testing.T, disrupt func()) {
	t.Helper()
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 150)
	before := orderCount(s.orders(t, admin, p))
	var all sync.WaitGroup
	var tries, placed atomic.Int64
	var disrupted atomic.Bool
	started := make(chan struct{})
	for range 8 {
		all.Go(func() {
			for n := tries.Add(1); n <= 200 || !disrupted.Load(); n = tries.Add(1) {
				if n == 60 {
					close(started)
				}
				if status, err := s.tryPlace(customer, p); err == nil && status == http.StatusCreated {
					placed.Add(1)
				}
			}
		})
	}
	<-started
	begin := time.Now()
	disrupt()
	disrupted.Store(true)
	all.Wait()
	t.Logf("the disruption took %.1f s; %d of %d orders were acknowledged", time.Since(begin).Seconds(), placed.Load(), tries.Load()-8)
	eventually(t, "the gateway, a function and Pub/Sub are back", func() bool {
		tick, cancel := s.command("scheduler", "run", "order-outbox")
		defer cancel()
		if tick.Run() != nil {
			return false
		}
		response, err := http.Get(s.Gateway + "/v1/products/" + p.ID.String())
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
	begin = time.Now()
	byStatus := s.mustReconcile(t, admin, p)
	t.Logf("all orders were decided after %.1f s", time.Since(begin).Seconds())
	if existing := orderCount(byStatus) - before; int64(existing) < placed.Load() {
		t.Errorf("%d orders were placed, but %d exist", placed.Load(), existing)
	}
	var report auditReport
	eventually(t, "the audit finds nothing", func() bool {
		s.sweep(t)
		report = s.audit(t, "--grace", "0s")
		return report.OK
	})
}

// TestComposeReplicas requires that the gateway distributes requests over the containers of
// one function, and that no request fails when one container is killed.
func TestComposeReplicas(t *testing.T) {
	s, c := openCompose(t)
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreateProduct(t, admin, customer, 5)
	c.mustDocker(t, "compose", "up", "--detach", "--wait", "--no-recreate", "--scale", "product-get=3", "product-get")
	t.Cleanup(func() {
		c.mustDocker(t, "compose", "up", "--detach", "--wait", "--no-recreate", "--scale", "product-get=1", "product-get")
	})
	replicas := strings.Fields(c.mustDocker(t, "compose", "ps", "--quiet", "product-get"))
	if len(replicas) != 3 {
		t.Fatalf("there are %d replicas", len(replicas))
	}
	served := func() (counts []int) {
		for _, id := range replicas {
			// Functions log to standard error, which `docker logs` includes.
			counts = append(counts, strings.Count(c.mustReadLog(t, id), `"message":"product-get"`))
		}
		return counts
	}
	// The gateway discovers new containers within a second.
	eventually(t, "all three get requests", func() bool {
		before := served()
		s.read(t, p, 30, nil)
		for i, n := range served() {
			if n == before[i] {
				return false
			}
		}
		return true
	})

	t.Run("each replica serves a third of 3,000 requests", func(t *testing.T) {
		before := served()
		if lost := s.read(t, p, 3000, nil); lost > 0 {
			t.Errorf("%d requests failed", lost)
		}
		for i, n := range served() {
			t.Logf("replica %d served %d", i+1, n-before[i])
			if n -= before[i]; n < 900 || n > 1100 {
				t.Errorf("replica %d served %d of 3,000 requests", i+1, n)
			}
		}
	})
	t.Run("no request fails when a replica is killed", func(t *testing.T) {
		lost := s.read(t, p, 3000, func() { c.mustDocker(t, "kill", replicas[0]) })
		t.Logf("%d of 3,000 requests were lost", lost)
		if lost > 0 {
			t.Errorf("%d requests failed", lost)
		}
	})
}

// TestComposeBusy has a container as many imports as it may get at the same time: one more
// waits, and is then refused with 429, as on Cloud Run.
func TestComposeBusy(t *testing.T) {
	s, _ := openCompose(t)
	admin := s.admin(t)
	importer, _ := functions.Manifest().Function("product-import")
	limit := functions.Manifest().ScalingOf(importer).Concurrency
	var open []*io.PipeWriter
	var all sync.WaitGroup
	for range limit {
		reader, writer := io.Pipe()
		open = append(open, writer)
		all.Go(func() {
			if _, err := s.sendCatalog(t.Context(), admin, "ndjson", reader); err != nil {
				t.Error(err)
			}
		})
		if _, err := io.WriteString(writer, "\n"); err != nil { // the request has been sent
			t.Fatal(err)
		}
	}
	var response functiontest.Response
	eventually(t, "an import is refused, once the others have arrived", func() bool {
		response = s.do(t, functiontest.Request{
			Method: http.MethodPost, Path: "/v1/products/import", Token: admin, Header: map[string]string{"Content-Type": "application/x-ndjson"}, Body: "\n",
		})
		return response.Status != http.StatusOK
	})
	response.MustBeProblem(t, http.StatusTooManyRequests, "too_many_requests")
	if after := response.Header.Get("Retry-After"); after != "1" {
		t.Errorf("Retry-After: %q, want 1", after)
	}
	for _, writer := range open {
		if err := writer.Close(); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
	if _, err := s.sendCatalog(t.Context(), admin, "ndjson", strings.NewReader("\n")); err != nil {
		t.Errorf("an import after the others: %v", err)
	}
}

// read reads a product with eight concurrent clients, calls during after a third of the
// requests, and returns the number of failed requests.
func (s *system) read(t *testing.T, p product.Product, requests int, during func()) (lost int64) {
	t.Helper()
	var all sync.WaitGroup
	var number, failed atomic.Int64
	for range 8 {
		all.Go(func() {
			for n := number.Add(1); n <= int64(requests); n = number.Add(1) {
				if int(n) == requests/3 && during != nil {
					all.Go(during)
				}
				response, err := http.Get(s.Gateway + "/v1/products/" + p.ID.String())
				if err != nil || response.Body.Close() != nil || response.StatusCode != http.StatusOK {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	return failed.Load()
}

// maxImageBytes are the maximum sizes of images that may be larger than 30 MB. That of payment
// contains the types of Stripe's objects and the fonts of invoices, and that of user the parsers of
// passkeys and their attestations (docs/adr/0075). That of souk contains those too: the package that
// has them appoints the first admin.
var maxImageBytes = map[string]int64{"souk/payment": 35_000_000, "souk/user": 35_000_000, "souk/souk": 34_000_000}

// TestComposeContainers checks the restrictions, image sizes and memory of the containers.
func TestComposeContainers(t *testing.T) {
	_, c := openCompose(t)
	ids := strings.Fields(c.mustDocker(t, "compose", "ps", "--all", "--quiet"))
	var found []inspected
	if err := json.Unmarshal([]byte(c.mustDocker(t, append([]string{"inspect"}, ids...)...)), &found); err != nil {
		t.Fatal(err)
	}
	soukContainers := 0
	for _, container := range found {
		name := container.Config.Labels["com.docker.compose.service"]
		t.Run(name+" is confined", func(t *testing.T) {
			container.requireConfined(t)
			if strings.HasPrefix(container.Config.Image, "souk/") {
				soukContainers++
				container.requireSoukImage(t)
			}
		})
	}
	if want := len(functions.Manifest().Functions) + 9; soukContainers < want {
		t.Errorf("%d containers have an image of Souk, want at least %d", soukContainers, want)
	}
	t.Run("the images are small", func(t *testing.T) {
		for _, image := range append(functions.Manifest().Services(), "souk", "console") {
			image = "souk/" + image
			var images []struct{ Size int64 }
			if err := json.Unmarshal([]byte(c.mustDocker(t, "image", "inspect", image)), &images); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %.1f MB", image, float64(images[0].Size)/1e6)
			if limit := maxImageBytes[image]; images[0].Size > cmp.Or(limit, 30_000_000) {
				t.Errorf("%s has %d bytes", image, images[0].Size)
			}
		}
	})
	t.Run("an idle function uses little memory", func(t *testing.T) {
		most := 0.0
		for _, f := range functions.Manifest().Functions {
			mib := containers.idle[c.project+"-"+f.Name+"-1"]
			most = max(most, mib)
			if mib == 0 || mib > 30 {
				t.Errorf("%s uses %.1f MiB", f.Name, mib)
			}
		}
		t.Logf("the largest uses %.1f MiB", most)
	})
}

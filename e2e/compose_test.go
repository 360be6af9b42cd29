package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"souk/functions"
	"souk/functions/product"
)

// openCompose returns the system of containers, or skips the test.
func openCompose(t *testing.T) (*system, *compose) {
	t.Helper()
	if containers == nil {
		t.Skip("this is a test of Docker Compose: set SOUK_COMPOSE=1, or run make test-compose")
	}
	s := start(t)
	return s, s.platform.(*compose)
}

// TestComposeKill kills a container in the middle of orders, and starts it again.
func TestComposeKill(t *testing.T) {
	s, c := openCompose(t)
	for _, service := range []string{
		"gateway", "mysql", "pubsub", "relay", "scheduler", "mail",
		"order-place", "stock-reserve", "order-confirm", "order-reject", "order-cancel", "stock-release",
	} {
		t.Run(service, func(t *testing.T) {
			s.mustSurvive(t, func() {
				c.mustDocker(t, "compose", "kill", service)
				// Long enough to be missed.
				c.mustDocker(t, "compose", "start", service)
			})
		})
	}
	t.Run("every function, one after another", func(t *testing.T) {
		s.mustSurvive(t, func() {
			for _, f := range functions.Manifest().Functions {
				c.kill(t, f.Name)
			}
		})
	})
}

// mustSurvive has orders placed and cancelled, 200 at least, while something is
// done to the system after the first 60, and waits until all adds up.
func (s *system) mustSurvive(t *testing.T, harm func()) {
	t.Helper()
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreate(t, admin, customer, 150)
	before := orderCount(s.orders(t, admin, p))
	var all sync.WaitGroup
	var tries, placed atomic.Int64
	var harmed atomic.Bool
	harming := make(chan struct{})
	for range 8 {
		all.Go(func() {
			for n := tries.Add(1); n <= 200 || !harmed.Load(); n = tries.Add(1) {
				if n == 60 {
					close(harming)
				}
				if status, err := s.tryPlace(customer, p); err == nil && status == http.StatusCreated {
					placed.Add(1)
				}
			}
		})
	}
	<-harming
	begin := time.Now()
	harm()
	harmed.Store(true)
	all.Wait()
	t.Logf("harm took %.1f s; %d of %d orders were taken", time.Since(begin).Seconds(), placed.Load(), tries.Load()-8)
	eventually(t, "the gateway, a function and Pub/Sub are back", func() bool {
		tick, cancel := s.command("scheduler", "run", "order-outbox")
		defer cancel()
		if tick.Run() != nil {
			return false
		}
		answer, err := http.Get(s.Gateway + "/v1/products/" + p.ID.String())
		return err == nil && answer.Body.Close() == nil && answer.StatusCode == http.StatusOK
	})
	begin = time.Now()
	byStatus := s.mustAddUp(t, admin, p)
	t.Logf("all was decided after %.1f s", time.Since(begin).Seconds())
	if there := orderCount(byStatus) - before; int64(there) < placed.Load() {
		t.Errorf("%d orders were placed, and %d are there", placed.Load(), there)
	}
	var report auditReport
	eventually(t, "the audit finds nothing", func() bool {
		s.sweep(t)
		report = s.audit(t, "--grace", "0s")
		return report.OK
	})
}

// TestComposeReplicas has the gateway spread requests over the containers of one
// function, and lose none when one dies.
func TestComposeReplicas(t *testing.T) {
	s, c := openCompose(t)
	admin, customer := s.admin(t), s.customer(t)
	p := s.mustCreate(t, admin, customer, 5)
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
			// Standard error, where functions log, is what the client prints there.
			counts = append(counts, strings.Count(c.mustLog(t, id), `"message":"product-get"`))
		}
		return counts
	}
	// The gateway knows new ones after a second.
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

	t.Run("each serves its third of 3,000 requests", func(t *testing.T) {
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
	t.Run("one that dies takes no request with it", func(t *testing.T) {
		lost := s.read(t, p, 3000, func() { c.mustDocker(t, "kill", replicas[0]) })
		t.Logf("%d of 3,000 requests were lost", lost)
		if lost > 0 {
			t.Errorf("%d requests failed", lost)
		}
	})
}

// read reads a product again and again, by eight clients at once, does something
// in the middle, and returns how many requests failed.
func (s *system) read(t *testing.T, p product.Product, requests int, inTheMiddle func()) (lost int64) {
	t.Helper()
	var all sync.WaitGroup
	var number, failed atomic.Int64
	for range 8 {
		all.Go(func() {
			for n := number.Add(1); n <= int64(requests); n = number.Add(1) {
				if int(n) == requests/3 && inTheMiddle != nil {
					all.Go(inTheMiddle)
				}
				answer, err := http.Get(s.Gateway + "/v1/products/" + p.ID.String())
				if err != nil || answer.Body.Close() != nil || answer.StatusCode != http.StatusOK {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	return failed.Load()
}

// TestComposeContainers looks at what our containers are and may do.
func TestComposeContainers(t *testing.T) {
	_, c := openCompose(t)
	ids := strings.Fields(c.mustDocker(t, "compose", "ps", "--all", "--quiet"))
	var found []inspected
	if err := json.Unmarshal([]byte(c.mustDocker(t, append([]string{"inspect"}, ids...)...)), &found); err != nil {
		t.Fatal(err)
	}
	ours := 0
	for _, container := range found {
		name := container.Config.Labels["com.docker.compose.service"]
		t.Run(name, func(t *testing.T) {
			container.mustBeConfined(t)
			if strings.HasPrefix(container.Config.Image, "souk/") {
				ours++
				container.mustBeOfOurs(t)
			}
		})
	}
	if want := len(functions.Manifest().Functions) + 7; ours < want {
		t.Errorf("%d containers are ours, want %d at least", ours, want)
	}
	t.Run("images are small", func(t *testing.T) {
		for _, image := range []string{"souk/product", "souk/order", "souk/user", "souk/souk"} {
			var of []struct{ Size int64 }
			if err := json.Unmarshal([]byte(c.mustDocker(t, "image", "inspect", image)), &of); err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %.1f MB", image, float64(of[0].Size)/1e6)
			if of[0].Size > 30e6 {
				t.Errorf("%s has %d bytes", image, of[0].Size)
			}
		}
	})
	t.Run("a function that idles takes little memory", func(t *testing.T) {
		most := 0.0
		for _, f := range functions.Manifest().Functions {
			mib := containers.idle[c.project+"-"+f.Name+"-1"]
			most = max(most, mib)
			if mib == 0 || mib > 30 {
				t.Errorf("%s takes %.1f MiB", f.Name, mib)
			}
		}
		t.Logf("the largest takes %.1f MiB", most)
	})
}

package deploy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func good(string, int) int { return 0 }

func withSyntheticOrder(c *cloud) { c.Jobs["synthetic-order"] = "x@sha256:old" }

// withAppliedChange adds a revision as terraform does, of other settings or of another
// version of a secret: once the pipeline has set the traffic, it gets none.
func withAppliedChange(c *cloud) {
	s := c.Services["user-http"]
	s.Traffic[0].Latest = false
	s.Revisions = append(s.Revisions, "user-http-00002-def")
}

func TestRollout(t *testing.T) {
	t.Parallel()
	for _, parallel := range []string{"1", "4"} {
		t.Run("shifts 5, 25, 100 on good signals, "+parallel+" at a time", func(t *testing.T) {
			t.Parallel()
			p := mustProject(t, "order", "user")
			ok, said := p.run(t, "rollout", "PARALLEL="+parallel, mustMonitor(t, p.path, good))
			if !ok {
				t.Fatal(said)
			}
			p.mustServe(t, newOf("order", "user"))
			want := []string{"order-http-00002-xyz=5,order-http-00001-abc=95", "order-http-00002-xyz=25,order-http-00001-abc=75", "order-http-00002-xyz=100"}
			if got := shares(p.mustRead(t), "order-http"); !slices.Equal(got, want) {
				t.Errorf("the requests were shifted %q, want %q", got, want)
			}
		})
	}
	t.Run("has synthetic orders placed at each step", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		p.mustChange(t, withSyntheticOrder)
		if ok, said := p.run(t, "rollout", mustMonitor(t, p.path, good)); !ok {
			t.Fatal(said)
		}
		p.mustServe(t, newOf("order"))
		orders := slices.DeleteFunc(p.mustRead(t).Calls, func(call string) bool { return !strings.HasPrefix(call, "run jobs execute synthetic-order") })
		if len(orders) != 3 {
			t.Errorf("the job was started %d times, want at 5, 25 and 100 %%", len(orders))
		}
	})
	t.Run("takes everything back when a synthetic order fails", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		p.mustChange(t, withSyntheticOrder)
		p.mustChange(t, func(c *cloud) { c.Failing = "jobs execute synthetic-order" })
		if ok, said := p.run(t, "rollout", mustMonitor(t, p.path, good)); ok || !strings.Contains(said, "a synthetic order failed at 5 %") {
			t.Error(said)
		}
		p.mustServe(t, old)
	})
	t.Run("takes everything back when it is unknown whether there are synthetic orders", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		p.mustChange(t, func(c *cloud) { c.Failing = "run jobs list" })
		if ok, said := p.run(t, "rollout", mustMonitor(t, p.path, good)); ok || !strings.Contains(said, "a synthetic order failed at 5 %") {
			t.Error(said)
		}
		p.mustServe(t, old)
	})
	t.Run("goes on when there are no requests", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		ok, said := p.run(t, "rollout", mustMonitor(t, p.path, func(string, int) int { return -1 }))
		if !ok || !strings.Contains(said, "order-http-00002-xyz: silent") {
			t.Error(said)
		}
		p.mustServe(t, newOf("order"))
	})
	for _, step := range []int{5, 25, 100} {
		t.Run(fmt.Sprintf("takes everything back when one signal is bad at %d %%", step), func(t *testing.T) {
			t.Parallel()
			p := mustProject(t, "order", "user")
			ok, said := p.run(t, "rollout", mustMonitor(t, p.path, func(revision string, percent int) int {
				if revision == "user-push-00002-xyz" && percent >= step {
					return 20
				}
				return 0
			}))
			if ok || !strings.Contains(said, "user-push-00002-xyz: BAD") || !strings.Contains(said, fmt.Sprintf("bad at %d %%", step)) {
				t.Errorf("ended well: %v, and said %s", ok, said)
			}
			p.mustServe(t, old)
		})
	}
	t.Run("takes everything back when the signals are unknown", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		if ok, said := p.run(t, "rollout", "MONITORING_ENDPOINT=http://127.0.0.1:1/"); ok {
			t.Error(said)
		}
		p.mustServe(t, old)
	})
	t.Run("deploys nothing when nothing changed", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		if ok, said := p.run(t, "rollout"); !ok || !strings.Contains(said, "nothing to deploy") {
			t.Error(said)
		}
		for _, call := range p.mustRead(t).Calls {
			if !strings.HasPrefix(call, "run services describe") && !strings.HasPrefix(call, "run services list") {
				t.Errorf("%s was called", call)
			}
		}
	})
	t.Run("deploys what terraform changed", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		p.mustChange(t, withAppliedChange)
		if ok, said := p.run(t, "rollout", mustMonitor(t, p.path, good)); !ok {
			t.Fatal(said)
		}
		if got := p.mustRead(t).percent("user-http-00003-xyz"); got != 100 {
			t.Errorf("the newest revision gets %d %%", got)
		}
	})
	t.Run("takes back what terraform changed when a signal is bad", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		p.mustChange(t, withAppliedChange)
		ok, said := p.run(t, "rollout", mustMonitor(t, p.path, func(revision string, _ int) int {
			if revision == "user-http-00003-xyz" {
				return 20
			}
			return 0
		}))
		if ok || !strings.Contains(said, "user-http-00003-xyz: BAD") {
			t.Errorf("ended well: %v, and said %s", ok, said)
		}
		p.mustServe(t, old)
	})
	t.Run("only says what it would do in a dry run", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		if ok, said := p.run(t, "rollout", "DRY_RUN=1"); !ok || !strings.Contains(said, "would deploy: order-http order-push") {
			t.Error(said)
		}
		p.mustServe(t, old)
	})
}

func TestFailures(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(*cloud){
		"a revision that does not start leaves all others as they were": func(c *cloud) { c.Broken = []string{"r/user@sha256:new"} },
		"a smoke test that fails moves no traffic":                      func(c *cloud) { c.Failing = "jobs execute smoke" },
		"a shift that fails is taken back":                              func(c *cloud) { c.Failing = "user-http-00002-xyz=25" },
		"a tag that fails is taken back":                                func(c *cloud) { c.Failing = "--update-tags=next=order-push" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t, "order", "user")
			p.mustChange(t, arrange)
			ok, said := p.run(t, "rollout", mustMonitor(t, p.path, good))
			if ok {
				t.Error(said)
			}
			p.mustServe(t, old)
			given := shares(p.mustRead(t), "order-http")
			if !strings.Contains(name, "shift") && slices.ContainsFunc(given, func(to string) bool { return strings.Contains(to, "00002") }) {
				t.Errorf("requests were shifted: %q", given)
			}
		})
	}
	t.Run("a migration that fails leaves every function as it was", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		p.mustChange(t, func(c *cloud) { c.Failing = "jobs execute migrate" })
		ok, said := p.run(t, "migrate")
		if ok || !strings.Contains(said, "no function was deployed") {
			t.Error(said)
		}
		p.mustServe(t, old)
	})
	t.Run("no service at all is another project, or another granularity", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		p.mustChange(t, func(c *cloud) { c.Services = nil })
		if ok, said := p.run(t, "rollout"); ok || !strings.Contains(said, "GRANULARITY") {
			t.Error(said)
		}
	})
	t.Run("services that cannot be listed are not missing", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		p.mustChange(t, func(c *cloud) { c.Failing = "services list" })
		if ok, said := p.run(t, "rollout"); ok || strings.Contains(said, "not there yet") {
			t.Error(said)
		}
		p.mustServe(t, old)
	})
}

// TestKilled kills the rollout after every call of gcloud in turn, and runs it again.
// What is in the cloud after one call and before the next is the same, so these are
// all states that it can be left in.
func TestKilled(t *testing.T) {
	t.Parallel()
	whole := mustProject(t, "order")
	if ok, said := whole.run(t, "rollout", mustMonitor(t, whole.path, good)); !ok {
		t.Fatal(said)
	}
	calls := len(whole.mustRead(t).Calls)
	if calls < 20 {
		t.Fatalf("a whole rollout makes %d calls only", calls)
	}
	for n := 1; n <= calls; n++ {
		t.Run(fmt.Sprintf("after call %d of %d", n, calls), func(t *testing.T) {
			t.Parallel()
			p := mustProject(t, "order")
			endpoint := mustMonitor(t, p.path, good)
			p.mustChange(t, func(c *cloud) { c.KillAt = n })
			if ok, _ := p.run(t, "rollout", endpoint); ok {
				t.Fatal("it was not killed")
			}
			if made := len(p.mustRead(t).Calls); made != n {
				t.Fatalf("it made %d calls", made)
			}
			p.mustChange(t, func(c *cloud) { c.KillAt = 0 })
			if ok, said := p.run(t, "rollout", endpoint); !ok {
				t.Fatal(said)
			}
			p.mustServe(t, newOf("order"))
		})
	}
}

// TestKilledAndBad kills it likewise, between the first shift and the last, and finds
// bad signals afterwards: then all requests are back where they were before.
func TestKilledAndBad(t *testing.T) {
	t.Parallel()
	whole := mustProject(t, "order")
	if ok, said := whole.run(t, "rollout", mustMonitor(t, whole.path, good)); !ok {
		t.Fatal(said)
	}
	shifts := 0
	for n, call := range whole.mustRead(t).Calls {
		if !strings.Contains(call, "--to-revisions") {
			continue
		}
		shifts++
		t.Run("after "+call, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t, "order")
			p.mustChange(t, func(c *cloud) { c.KillAt = n + 1 })
			p.run(t, "rollout", mustMonitor(t, p.path, good))
			p.mustChange(t, func(c *cloud) { c.KillAt = 0 })
			if ok, said := p.run(t, "rollout", mustMonitor(t, p.path, func(string, int) int { return 50 })); ok {
				t.Error(said)
			}
			p.mustServe(t, old)
			// And that was the first thing that was done: customers do not wait for a deployment.
			again := p.mustRead(t).Calls[n+1:]
			deploy := slices.IndexFunc(again, func(call string) bool { return strings.HasPrefix(call, "run deploy") })
			service := strings.Fields(call)[3]
			if !slices.Contains(shares(&cloud{Calls: again[:max(deploy, 0)]}, service), service+"-00001-abc=100") {
				t.Errorf("before it deployed, %s was not given back: %q", service, again[:max(deploy, 0)])
			}
		})
	}
	if shifts != 6 {
		t.Errorf("two services were shifted %d times, want 6", shifts)
	}
}

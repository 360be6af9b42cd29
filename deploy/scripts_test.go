package deploy_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"souk/functions"
)

func TestImages(t *testing.T) {
	t.Parallel()
	digest, index := "@sha256:"+strings.Repeat("b", 64), " sha256:"+strings.Repeat("a", 64)
	t.Run("builds every image, pushes it by digest and writes that down", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		list := filepath.Join(p.dir, "bin", "images")
		if ok, said := p.run(t, "images", "REPOSITORY=r.example/souk", "CACHE=r.example/souk-cache", "IMAGES="+list); !ok {
			t.Fatal(said)
		}
		text, err := os.ReadFile(list)
		if err != nil {
			t.Fatal(err)
		}
		var want strings.Builder
		for _, service := range append(slices.Sorted(slices.Values(functions.Manifest().Services())), "souk", "deploy") {
			want.WriteString(service + " r.example/souk/" + service + digest + index + "\n")
		}
		if string(text) != want.String() {
			t.Errorf("it wrote %q", text)
		}
		for _, call := range p.mustRead(t).Calls {
			if strings.HasPrefix(call, "docker buildx build ") && (!strings.Contains(call, "push=true,push-by-digest=true") ||
				!strings.Contains(call, "--cache-from type=registry,ref=r.example/souk-cache/") ||
				!strings.Contains(call, "--attest type=provenance,mode=max") || !strings.Contains(call, "--attest type=sbom,generator=")) {
				t.Errorf("an image is built by %s", call)
			}
			if strings.Contains(call, "deploy/Dockerfile") && !strings.Contains(call, "--build-arg SOUK=r.example/souk/souk"+digest) {
				t.Errorf("what deploys is built by %s", call)
			}
		}
	})
	t.Run("leaves no list behind when a digest is not known", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		p.mustChange(t, func(c *cloud) { c.Failing = "metadata" })
		list := filepath.Join(p.dir, "list")
		if ok, said := p.run(t, "images", "REPOSITORY=r", "CACHE=c", "IMAGES="+list); ok || !strings.Contains(said, "which digest") {
			t.Error(said)
		}
		if _, err := os.Stat(list); err == nil {
			t.Error("there is one")
		}
	})
}

func TestScan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		severities []string
		failing    string
		ok         bool
	}{
		"takes images without a fault":                  {ok: true},
		"takes what is not critical":                    {severities: []string{"HIGH\tCVE-1", "LOW\tCVE-2"}, ok: true},
		"refuses what is critical":                      {severities: []string{"LOW\tCVE-2", "CRITICAL\tCVE-3"}},
		"refuses what could not be scanned":             {failing: "images scan"},
		"refuses images that a scan does not report on": {failing: "list-vulnerabilities"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t)
			p.mustChange(t, func(c *cloud) { c.Severities, c.Failing = test.severities, test.failing })
			ok, said := p.run(t, "scan")
			if ok != test.ok || slices.Contains(test.severities, "CRITICAL\tCVE-3") && !strings.Contains(said, "CVE-3") {
				t.Errorf("ended well: %v, and said %s", ok, said)
			}
		})
	}
	t.Run("looks at every image", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		if ok, said := p.run(t, "scan"); !ok {
			t.Fatal(said)
		}
		if calls := p.mustRead(t).Calls; len(calls) != 8 {
			t.Errorf("four images took %d calls: %q", len(calls), calls)
		}
	})
}

func TestTurn(t *testing.T) {
	t.Parallel()
	t.Run("waits until older rollouts have ended", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		p.mustChange(t, func(c *cloud) { c.Builds = []string{"old2", "old1", "b1"} })
		ok, said := p.run(t, "turn")
		if !ok || !strings.Contains(said, "waiting for build old2") || !strings.Contains(said, "waiting for build old1") {
			t.Error(said)
		}
	})
	t.Run("does not wait for younger ones", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		p.mustChange(t, func(c *cloud) { c.Builds = []string{"b1", "b2"} })
		if ok, said := p.run(t, "turn"); !ok || strings.Contains(said, "waiting") {
			t.Error(said)
		}
	})
	t.Run("stops when the outcome is unknown", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		p.mustChange(t, func(c *cloud) { c.Failing = "builds list" })
		if ok, said := p.run(t, "turn"); ok {
			t.Error(said)
		}
	})
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	p := mustProject(t)
	if ok, said := p.run(t, "migrate"); !ok {
		t.Fatal(said)
	}
	calls := p.mustRead(t).Calls
	if len(calls) != 2 || !strings.HasPrefix(calls[0], "run jobs update migrate") || !strings.HasPrefix(calls[1], "run jobs execute migrate") {
		t.Errorf("the calls are %q", calls)
	}
	if got := p.mustRead(t).Jobs["migrate"]; got != "r/souk@sha256:new" {
		t.Errorf("the job runs %s", got)
	}
}

// TestLint runs the script with stand-ins for what installs and checks.
func TestLint(t *testing.T) {
	t.Parallel()
	for _, fails := range []bool{false, true} {
		p := mustProject(t)
		p.mustWriteStandIn(t, "apt-get", "exit 0")
		p.mustWriteStandIn(t, "make", `echo "make $*"; exit `+map[bool]string{false: "0", true: "1"}[fails])
		if ok, said := p.run(t, "lint"); ok == fails || !strings.Contains(said, "make check lint-scripts\n") {
			t.Errorf("ended well: %v, and said %s", ok, said)
		}
	}
}

// TestVulncheck runs the script with a stand-in for Go.
func TestVulncheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		ok     bool
	}{
		"nothing is found":        {`exit 0`, true},
		"govulncheck fails":       {`[ "$1" != tool ]`, false},
		"what is found must stop": {`[ "$1" != run ]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t)
			p.mustWriteStandIn(t, "go", test.script)
			if ok, said := p.run(t, "vulncheck"); ok != test.ok {
				t.Errorf("ended well: %v, and said %s", ok, said)
			}
		})
	}
}

// requiredSettings is a variable that each script needs.
var requiredSettings = map[string]string{
	"images": "REPOSITORY", "scan": "PROJECT_ID", "turn": "BUILD_ID", "migrate": "REGION", "rollout": "GRANULARITY",
	"accept": "RELEASE_ID", "attest": "IMAGES", "record": "RELEASES", "release": "COMMIT_SHA", "preflight": "REGION",
	"plan": "STATE_BUCKET", "restore": "INSTANCE",
}

// TestSettingsAreRequired runs each script without what it needs.
func TestSettingsAreRequired(t *testing.T) {
	t.Parallel()
	for script, variable := range requiredSettings {
		t.Run(script, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t)
			if ok, said := p.run(t, script, variable+"="); ok || !strings.Contains(said, variable+" is not set") {
				t.Error(said)
			}
			if calls := p.mustRead(t).Calls; len(calls) > 0 {
				t.Errorf("it called %q", calls)
			}
		})
	}
}

package deploy_test

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"souk/functions"
)

const (
	devRepository  = "europe-west1-docker.pkg.dev/souk-dev/souk"
	prodRepository = "europe-west1-docker.pkg.dev/souk-prod/souk"
	buildID        = "01234567-89ab-cdef-0123-456789abcdef"
	commit         = "cccccccccccccccccccccccccccccccccccccccc"
	newerBuildID   = "11234567-89ab-cdef-0123-456789abcdef"
)

// mustBuild runs what a build does after its tests, and returns the description of it
// that Cloud Build would give.
func mustBuild(t *testing.T) json.RawMessage {
	t.Helper()
	p := mustProject(t)
	list := "IMAGES=" + filepath.Join(p.dir, "built")
	for _, script := range []string{"images", "release"} {
		if ok, said := p.run(t, script, list, "CACHE=c", "BUILD_ID="+buildID); !ok {
			t.Fatal(said)
		}
	}
	calls := p.mustRead(t).Calls
	if want := "pubsub topics publish releases --attribute=release=" + buildID; !strings.HasPrefix(calls[len(calls)-1], want) {
		t.Errorf("the last call is %s", calls[len(calls)-1])
	}
	output, err := os.ReadFile(filepath.Join(p.dir, "output"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(map[string]any{
		"id": buildID, "status": "SUCCESS", "buildTriggerId": "t1", "substitutions": map[string]string{"BRANCH_NAME": "main", "COMMIT_SHA": commit},
		"results": map[string]any{"buildStepOutputs": []string{"", base64.StdEncoding.EncodeToString(output)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// mustDeploy runs the steps of a deployment, and returns what it said.
func (p project) mustDeploy(t *testing.T, env ...string) string {
	t.Helper()
	all := ""
	env = append(env, "RELEASE="+filepath.Join(p.dir, "release.json"), "IMAGES="+filepath.Join(p.dir, "release"), mustMonitor(t, p.path, good))
	for _, script := range deploySteps(t) {
		ok, said := p.run(t, script, env...)
		if all += said; !ok {
			t.Fatalf("deploy/%s: %s", script, said)
		}
	}
	return all
}

var prod = []string{"FROM_RELEASES=dev-releases", "FROM_REPOSITORY=" + devRepository, "REPOSITORY=" + prodRepository, "RELEASES=prod-releases", "RELEASE_ID=" + commit}

// TestPromotion takes a commit from its build through dev to prod: the same digests are
// deployed in both, prod builds nothing, and takes only what dev has verified.
func TestPromotion(t *testing.T) {
	t.Parallel()
	dev := mustProject(t)
	dev.mustChange(t, func(c *cloud) { c.Build, c.Newest, c.UnderWay = mustBuild(t), buildID, 2 })
	dev.mustDeploy(t, "PROMOTE_TO=souk-prod", "ATTESTOR=projects/p/attestors/a", "KEY_VERSION=projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1")
	dev.mustServe(t, newOf(services...))
	inDev := dev.mustRead(t)
	announced := "pubsub topics publish projects/souk-prod/topics/releases --attribute=release=" + commit
	if last := inDev.Calls[len(inDev.Calls)-1]; !strings.HasPrefix(last, announced) {
		t.Errorf("the last call is %s, want %s", last, announced)
	}
	if len(inDev.Attested) != len(functions.Manifest().Services())+2 || !strings.HasPrefix(inDev.Attested[0], devRepository) {
		t.Errorf("signed are %q", inDev.Attested)
	}

	t.Run("prod gets the same digests", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t)
		p.mustChange(t, func(c *cloud) { c.Objects = inDev.Objects })
		p.mustDeploy(t, prod...)
		p.mustServe(t, newOf(services...))
		inProd := p.mustRead(t)
		for name, service := range inProd.Services {
			if want := strings.ReplaceAll(inDev.Services[name].Image, "souk-dev", "souk-prod"); service.Image != want || !slices.Contains(inProd.Registry, want) {
				t.Errorf("%s runs %s, want %s, copied", name, service.Image, want)
			}
		}
		if inProd.Jobs["migrate"] != strings.ReplaceAll(inDev.Jobs["migrate"], "souk-dev", "souk-prod") {
			t.Errorf("prod migrates by %s, dev by %s", inProd.Jobs["migrate"], inDev.Jobs["migrate"])
		}
		if slices.ContainsFunc(inProd.Calls, func(call string) bool { return strings.HasPrefix(call, "docker ") }) {
			t.Errorf("prod builds: %q", inProd.Calls)
		}
		if inProd.Objects["gs://prod-releases/"+commit+".json"] == "" {
			t.Error("prod records nothing")
		}
		again := len(inProd.Calls)
		p.mustDeploy(t, prod...)
		if slices.ContainsFunc(p.mustRead(t).Calls[again:], func(call string) bool { return strings.HasPrefix(call, "gcrane ") }) {
			t.Error("a second time, images are copied again")
		}
	})
	for name, test := range map[string]struct {
		arrange func(*cloud)
		id      string
		want    string
	}{
		"a commit that dev has not verified": {func(c *cloud) { c.Objects = nil }, commit, "no record"},
		"a record of another commit": {func(c *cloud) {
			c.Objects = map[string]string{"gs://dev-releases/" + strings.Repeat("d", 40) + ".json": inDev.Objects["gs://dev-releases/"+commit+".json"]}
		}, strings.Repeat("d", 40), "of another commit"},
		"what is no commit": {func(*cloud) {}, "main", "is no commit"},
		"images of a repository that is not dev's": {func(c *cloud) {
			c.Objects = map[string]string{"gs://dev-releases/" + commit + ".json": strings.ReplaceAll(inDev.Objects["gs://dev-releases/"+commit+".json"], "souk-dev", "elsewhere")}
		}, commit, "cannot be used"},
		"an image that cannot be copied": {func(c *cloud) { c.Objects, c.Failing = inDev.Objects, "gcrane" }, commit, "cannot be copied"},
	} {
		t.Run("not to prod: "+name, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t)
			p.mustChange(t, test.arrange)
			env := append(slices.Clone(prod), "RELEASE_ID="+test.id, "RELEASE="+filepath.Join(p.dir, "release.json"), "IMAGES="+filepath.Join(p.dir, "release"))
			if ok, said := p.run(t, "accept", env...); ok || !strings.Contains(said, test.want) {
				t.Errorf("ended well: %v, and said %s", ok, said)
			}
		})
	}
}

// TestAccept refuses builds that are not to be deployed.
func TestAccept(t *testing.T) {
	t.Parallel()
	build := mustBuild(t)
	for name, test := range map[string]struct {
		build, newest, id, want string
	}{
		"a build that succeeded":                  {string(build), buildID, buildID, ""},
		"a build that the list does not have yet": {string(build), "", buildID, ""},
		"a build that a newer one has overtaken":  {string(build), newerBuildID, buildID, "is newer"},
		"a build of another trigger":              {strings.ReplaceAll(string(build), `"t1"`, `"check"`), buildID, buildID, "may not be deployed"},
		"what is no build":                        {string(build), buildID, "x --format=y", "is no build"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t)
			p.mustChange(t, func(c *cloud) { c.Build, c.Newest = json.RawMessage(test.build), test.newest })
			ok, said := p.run(t, "accept", "RELEASE_ID="+test.id, "RELEASE="+filepath.Join(p.dir, "release.json"), "IMAGES="+filepath.Join(p.dir, "release"))
			if ok != (test.want == "") || !strings.Contains(said, test.want) {
				t.Errorf("ended well: %v, and said %s", ok, said)
			}
		})
	}
}

// newFunction is a Cloud Run service that the release has, and this program does not
// know: the image that deploys is older than what it deploys.
const newFunction = "payment-http"

// mustReleaseWith writes a release with a new function, and returns what the scripts
// need for it.
func mustReleaseWith(t *testing.T, p project) []string {
	t.Helper()
	type function struct {
		Name    string `json:"name"`
		Service string `json:"service"`
		HTTP    string `json:"http,omitempty"`
	}
	release := struct {
		Commit    string                       `json:"commit"`
		Images    map[string]map[string]string `json:"images"`
		Functions []function                   `json:"functions"`
	}{commit, map[string]map[string]string{}, []function{{"payment-get", "payment", "GET /v1/payments/{id}"}}}
	for _, f := range functions.Manifest().Functions {
		release.Functions = append(release.Functions, function{f.Name, f.Service, f.HTTP})
	}
	digest := "sha256:" + strings.Repeat("b", 64)
	for _, service := range append(functions.Manifest().Services(), "payment", "souk") {
		release.Images[service] = map[string]string{"name": devRepository + "/" + service + "@" + digest, "index": digest}
	}
	text, err := json.Marshal(release)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(p.dir, "release.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	images, err := os.OpenFile(filepath.Join(p.dir, "images"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := images.WriteString("payment r/payment@sha256:new sha256:index\n"); err != nil {
		t.Fatal(err)
	}
	if err := images.Close(); err != nil {
		t.Fatal(err)
	}
	return []string{"RELEASE=" + path, mustMonitor(t, p.path, good)}
}

// apply is what terraform does for the new function: its service, with an image that
// may not have it (shared/function: absent).
func apply(c *cloud) {
	c.Services[newFunction] = applied(newFunction)
}

// TestNewFunction introduces a function by terraform first, and by the commit first: in
// both orders it serves in the end, and no other function waits for it.
func TestNewFunction(t *testing.T) {
	t.Parallel()
	t.Run("a function that terraform introduces first serves", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		p.mustChange(t, apply)
		if ok, said := p.run(t, "rollout", mustReleaseWith(t, p)...); !ok {
			t.Fatal(said)
		}
		p.mustServe(t, newOf("order", "payment"))
	})
	t.Run("a function that the commit introduces first serves", func(t *testing.T) {
		t.Parallel()
		p := mustProject(t, "order")
		env := mustReleaseWith(t, p)
		ok, said := p.run(t, "rollout", env...)
		if !ok || !strings.Contains(said, "not there yet: "+newFunction) {
			t.Fatal(said)
		}
		p.mustServe(t, newOf("order"))

		p.mustChange(t, apply)
		if ok, said := p.run(t, "rollout", env...); !ok || !strings.Contains(said, "deploying "+newFunction+"\n") {
			t.Fatal(said)
		}
		p.mustServe(t, newOf("order", "payment"))
	})
}

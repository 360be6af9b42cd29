package deploy_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// services are those of the shop in these tests, and all its Cloud Run services of granularity
// "service".
var (
	services = []string{"product", "order", "user"}
	all      = []string{"product-http", "product-push", "order-http", "order-push", "user-http", "user-push"}
)

// project is a cloud with everything that a script needs to work on it.
type project struct {
	path, dir string
	stdin     string
	env       []string
}

// mustProject makes a cloud where every service runs its old image but those of the
// services that are named, whose new images are others.
func mustProject(t *testing.T, changed ...string) project {
	t.Helper()
	dir := t.TempDir()
	p := project{path: filepath.Join(dir, "cloud.json"), dir: dir}
	c := &cloud{Services: map[string]*cloudService{}, Jobs: map[string]string{"migrate": "x@sha256:old", "smoke": "x@sha256:old"}, Builds: []string{"b1"},
		JobEnv: map[string]string{"INSTANCE_CONNECTION_NAME": onInstance("souk")}}
	for _, name := range all {
		c.Services[name] = applied(name)
	}
	if err := writeCloud(p.path, c); err != nil {
		t.Fatal(err)
	}
	images := "souk r/souk@sha256:new sha256:index\n"
	for _, service := range services {
		state := "old"
		if slices.Contains(changed, service) {
			state = "new"
		}
		images += service + " " + image(service, state) + " sha256:index\n"
	}
	if err := os.WriteFile(filepath.Join(dir, "images"), []byte(images), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"gcloud", "docker", "gcrane"} {
		if err := os.Symlink(standIn, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	flags, err := filepath.Abs("testdata/gcloud.json")
	if err != nil {
		t.Fatal(err)
	}
	p.env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), cloudVariable+"="+p.path, "FAKE_FLAGS="+flags,
		"PROJECT_ID=souk-test", "REGION=europe-west1", "GRANULARITY=service", "IMAGES="+filepath.Join(dir, "images"),
		"SOUK="+souk, "WATCH_SECONDS=0", "POLL_SECONDS=0", "PARALLEL=1", "BUILD_ID=b1", "SCAN_LOCATION=europe", "TMPDIR="+dir,
		"TRIGGER=t1", "BRANCH=main", "REPOSITORY="+devRepository, "RELEASE_ID="+buildID, "RELEASES=dev-releases", "COMMIT_SHA="+commit, "BUILDER_OUTPUT="+dir)
	return p
}

// onInstance is the connection name of an instance.
func onInstance(name string) string { return "souk-test:europe-west1:" + name }

// applied is a Cloud Run service as terraform creates it: its only revision serves.
func applied(name string) *cloudService {
	first := name + "-00001-abc"
	return &cloudService{
		Image: image(name, "old"), Revisions: []string{first}, Ready: first,
		Env:     map[string]string{"GOMEMLIMIT": "217MiB", "INSTANCE_CONNECTION_NAME": onInstance("souk")},
		Traffic: []cloudTarget{{Revision: first, Percent: 100, Latest: true}},
	}
}

// image is that of the service which a Cloud Run service belongs to.
func image(name, state string) string {
	service, _, _ := strings.Cut(name, "-")
	return "r/" + service + "@sha256:" + state
}

// mustWriteStandIn writes a program for the scripts.
func (p project) mustWriteStandIn(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

func (p project) mustChange(t *testing.T, change func(*cloud)) {
	t.Helper()
	if err := changeCloud(p.path, func(c *cloud) error { change(c); return nil }); err != nil {
		t.Fatal(err)
	}
}

func (p project) mustRead(t *testing.T) *cloud {
	t.Helper()
	c, err := readCloud(p.path)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// run runs a script, in a process group of its own, and returns whether it ended well
// and what it said.
func (p project) run(t *testing.T, script string, env ...string) (ok bool, said string) {
	t.Helper()
	args := slices.Clone(scriptArgs[script])
	for _, variable := range env {
		if given, ok := strings.CutPrefix(variable, "ARGS="); ok {
			args = strings.Fields(given)
		}
	}
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "bash", append([]string{filepath.Join("..", "deploy", script)}, args...)...)
	cmd.Env = append(slices.Clone(p.env), env...)
	cmd.Stdin = strings.NewReader(p.stdin)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return err == nil, out.String()
}

var scriptArgs = map[string][]string{"mysql": {"start"}}

// mustServe fails unless every service gives all requests to one revision, of the
// image wanted, and no tag is left.
func (p project) mustServe(t *testing.T, state func(service string) string) {
	t.Helper()
	for name, s := range p.mustRead(t).Services {
		if len(s.Traffic) != 1 || s.Traffic[0].Percent != 100 || s.Traffic[0].Tag != "" {
			t.Errorf("%s: the requests go to %+v", name, s.Traffic)
			continue
		}
		isOld := strings.HasSuffix(s.Traffic[0].Revision, "-00001-abc")
		if want := state(name); isOld != (want == "old") {
			t.Errorf("%s serves by %s, want the %s image", name, s.Traffic[0].Revision, want)
		}
	}
}

func old(string) string { return "old" }

func newOf(services ...string) func(string) string {
	return func(name string) string {
		service, _, _ := strings.Cut(name, "-")
		if slices.Contains(services, service) {
			return "new"
		}
		return "old"
	}
}

// shares returns the percentages that a service's newest revision was given.
func shares(c *cloud, service string) []string {
	var given []string
	for _, call := range c.Calls {
		if rest, ok := strings.CutPrefix(call, "run services update-traffic "+service+" "); ok {
			if _, to, ok := strings.Cut(rest, "--to-revisions="); ok {
				given = append(given, strings.Fields(to)[0])
			}
		}
	}
	return given
}

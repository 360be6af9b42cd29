package deploy_test

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// pinnedFiles are those that name images of the pipeline.
func pinnedFiles(t *testing.T) []string {
	t.Helper()
	files := []string{"cloudbuild.yaml", "functions/Dockerfile", "deploy/Dockerfile", "deploy/images", "deploy/mysql"}
	modules, err := filepath.Glob("../terraform/*.tf")
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range modules {
		files = append(files, strings.TrimPrefix(module, "../"))
	}
	return files
}

// images returns the images that the pipeline's files name, each as FILE:IMAGE, read in
// another way than deploy/pin does.
func images(t *testing.T) (found []string) {
	t.Helper()
	_, _, p := mustPipeline(t)
	for _, step := range p.Steps {
		found = append(found, "cloudbuild.yaml:"+step.Name)
	}
	for _, file := range pinnedFiles(t) {
		text, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		// A name, a tag, perhaps a digest: after FROM, as a value in quotes, or a shell's.
		for _, match := range regexp.MustCompile(`(?m)^(?:.*FROM .*?|# syntax=|\s+name\s+= "|[a-z]+=)([a-z0-9][a-z0-9./_-]*:[\w.-]+(?:@\S+?)?)(?:"| AS .*)?$`).FindAllStringSubmatch(string(text), -1) {
			found = append(found, file+":"+match[1])
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// TestImagesArePinned finds an image without a digest that deploy/unpinned does not list.
// The list is for a machine without a registry, and empty once deploy/pin has run.
func TestImagesArePinned(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("unpinned")
	if err != nil {
		t.Fatal(err)
	}
	listed := strings.Fields(string(text))
	found := images(t)
	if len(found) < 10 {
		t.Fatalf("found are %q only", found)
	}
	var unpinned []string
	for _, image := range found {
		if !regexp.MustCompile(`@sha256:[0-9a-f]{64}$`).MatchString(image) {
			unpinned = append(unpinned, image)
		}
	}
	if !slices.Equal(unpinned, listed) {
		t.Errorf("without a digest are:\n  %s\nand deploy/unpinned lists:\n  %s\nRun deploy/pin, and commit what it changed.", strings.Join(unpinned, "\n  "), strings.Join(listed, "\n  "))
	}
}

// requireOnlyDigestsChanged compares the copy of the pipeline's files in root with them.
func requireOnlyDigestsChanged(t *testing.T, root string) {
	t.Helper()
	for _, file := range pinnedFiles(t) {
		before, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		after, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		if got := regexp.MustCompile(`@sha256:[0-9a-f]{64}`).ReplaceAllString(string(after), ""); got != regexp.MustCompile(`([a-z0-9])@sha256:[0-9a-f]{64}`).ReplaceAllString(string(before), "$1") {
			t.Errorf("of %s more than digests changed", file)
		}
	}
}

// TestPin writes digests into a copy of the pipeline's files.
func TestPin(t *testing.T) {
	t.Parallel()
	p := mustProject(t)
	root := t.TempDir()
	for _, file := range append(pinnedFiles(t), "deploy/common.sh", "deploy/unpinned") {
		text, err := os.ReadFile("../" + file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, file)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pin := func(args ...string) (ok bool, said string) {
		t.Helper()
		cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "bash", append([]string{"pin"}, args...)...)
		cmd.Env = append(slices.Clone(p.env), "PIN_IN="+root)
		out, err := cmd.CombinedOutput()
		return err == nil, string(out)
	}
	if ok, said := pin("--check"); ok || !strings.Contains(said, "images without a digest: cloudbuild.yaml:") {
		t.Fatalf("before, it says %s", said)
	}
	for _, option := range []string{"--chek", "-h", "--check --update", ""} {
		if ok, said := pin(option, "--check"); ok || !strings.Contains(said, "is no option") {
			t.Errorf("pin %q --check says %s", option, said)
		}
		if ok, said := pin(cmp.Or(option, "check")); ok || !strings.Contains(said, "is no option") {
			t.Errorf("pin %q says %s", option, said)
		}
	}
	for _, image := range images(t) {
		if _, said := pin("--check"); !strings.Contains(said, image) {
			t.Errorf("it does not find %s", image)
		}
	}
	if ok, said := pin(); !ok {
		t.Fatal(said)
	}
	if ok, said := pin("--check"); !ok {
		t.Errorf("afterwards, it says %s", said)
	}
	requireOnlyDigestsChanged(t, root)
	if text, err := os.ReadFile(filepath.Join(root, "deploy", "unpinned")); err != nil || len(text) > 0 {
		t.Errorf("deploy/unpinned has %q, %v", text, err)
	}
	// Runs at once may fail, but leave no file without its lines.
	var runs sync.WaitGroup
	for range 3 {
		runs.Go(func() { pin("--update") })
	}
	runs.Wait()
	if ok, said := pin("--check"); !ok {
		t.Errorf("after several runs at once, it says %s", said)
	}
	requireOnlyDigestsChanged(t, root)
	calls := len(p.mustRead(t).Calls)
	if ok, said := pin(); !ok || len(p.mustRead(t).Calls) != calls {
		t.Errorf("a second time it asks again, and says %s", said)
	}
	if ok, said := pin("--update"); !ok || len(p.mustRead(t).Calls) == calls {
		t.Errorf("--update asks nothing, and says %s", said)
	}
}

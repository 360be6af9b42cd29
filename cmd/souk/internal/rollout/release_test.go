package rollout

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"souk/functions"
)

const repository = "europe-west1-docker.pkg.dev/souk-test/souk"

var (
	commit = strings.Repeat("c", 40)
	digest = "sha256:" + strings.Repeat("a", 64)
)

func imageLines(repository string) string {
	lines := ""
	for _, service := range append(functions.Manifest().Services(), "souk") {
		lines += service + " " + repository + "/" + service + "@" + digest + " " + digest + "\n"
	}
	return lines
}

func mustPack(t *testing.T) Release {
	t.Helper()
	r, err := Pack(strings.NewReader(imageLines(repository)), commit, functions.Manifest())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestRelease(t *testing.T) {
	t.Parallel()
	packed := mustPack(t)
	r, err := ReadRelease(bytes.NewReader(mustJSON(t, packed)))
	if diff := cmp.Diff(packed, r); err != nil || diff != "" {
		t.Fatalf("error %v, the release (-want +got):\n%s", err, diff)
	}
	for _, granularity := range []string{ByFunction, ByService} {
		want, got := Runs(functions.Manifest(), granularity), Runs(r.Manifest(), granularity)
		if len(got) != len(want) {
			t.Fatalf("%s: there are %d Cloud Run services, want %d", granularity, len(got), len(want))
		}
		for i, run := range got {
			if run.Name != want[i].Name || run.Kind != want[i].Kind || run.Service != want[i].Service || len(run.Functions) != len(want[i].Functions) {
				t.Errorf("%s: got %+v, want %+v", granularity, run, want[i])
			}
		}
	}
	if size := len(mustJSON(t, packed)); size > 40<<10 {
		t.Errorf("it has %d bytes, and Cloud Build stores 50 KB of a step's output", size)
	}
	var lines strings.Builder
	other := r.In("example.dev/prod/souk")
	if err := other.WriteImages(&lines); err != nil || len(lines.String()) != len(imageLines("example.dev/prod/souk")) {
		t.Errorf("elsewhere its images are %s, %v", lines.String(), err)
	}
	if r.From(repository) != nil || other.From(repository) == nil {
		t.Error("it is not seen where the images are")
	}
}

// TestReleaseRefuses puts into a release what must not get into a command line.
func TestReleaseRefuses(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*Release){
		"a tag in place of a digest":  func(r *Release) { r.Images["souk"] = Image{Name: repository + "/souk:latest", Index: digest} },
		"an index that is none":       func(r *Release) { r.Images["souk"] = Image{Name: r.Images["souk"].Name, Index: "--format=x"} },
		"an image that is missing":    func(r *Release) { delete(r.Images, "souk") },
		"a service without an image":  func(r *Release) { r.Functions[0].Service = "other" },
		"a function's name with more": func(r *Release) { r.Functions[0].Name = "a --allow-unauthenticated" },
		"no commit":                   func(r *Release) { r.Commit = "main" },
		"no functions":                func(r *Release) { r.Functions = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := mustPack(t)
			spoil(&r)
			if _, err := ReadRelease(bytes.NewReader(mustJSON(t, r))); err == nil {
				t.Error("it is read")
			}
		})
	}
	for _, line := range []string{"souk", "souk r/souk@" + digest, "souk r/souk:1 " + digest} {
		if _, err := Pack(strings.NewReader(imageLines(repository)+line), commit, functions.Manifest()); err == nil {
			t.Errorf("%q is packed", line)
		}
	}
}

// build is what gcloud prints of one.
type build struct {
	ID            string            `json:"id"`
	Status        string            `json:"status"`
	TriggerID     string            `json:"buildTriggerId,omitempty"`
	Substitutions map[string]string `json:"substitutions"`
	Results       struct {
		StepOutputs []string `json:"buildStepOutputs"`
	} `json:"results"`
}

func TestAccept(t *testing.T) {
	t.Parallel()
	source := Source{Trigger: "t1", Branch: "main", Repository: repository}
	for name, test := range map[string]struct {
		change func(*build)
		want   string // of the error, "" if it is accepted
	}{
		"a build of the trigger":      {func(*build) {}, ""},
		"a build that failed":         {func(b *build) { b.Status = "FAILURE" }, "its status is FAILURE"},
		"a build under way":           {func(b *build) { b.Status = "WORKING" }, "its status is WORKING"},
		"a build by hand":             {func(b *build) { b.TriggerID = "" }, "of trigger"},
		"a build of another trigger":  {func(b *build) { b.TriggerID = "check" }, `of trigger "check"`},
		"a build of another branch":   {func(b *build) { b.Substitutions["BRANCH_NAME"] = "mine" }, `of branch "mine"`},
		"a release of another commit": {func(b *build) { b.Substitutions["COMMIT_SHA"] = strings.Repeat("d", 40) }, "is of commit"},
		"a step without output":       {func(b *build) { b.Results.StepOutputs = []string{"", ""} }, "no output"},
		"no output at all":            {func(b *build) { b.Results.StepOutputs = nil }, "no output"},
		"what is no release":          {func(b *build) { b.Results.StepOutputs[1] = base64.StdEncoding.EncodeToString([]byte(`{}`)) }, "cannot be used"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := build{ID: "b1", Status: "SUCCESS", TriggerID: "t1", Substitutions: map[string]string{"BRANCH_NAME": "main", "COMMIT_SHA": commit}}
			b.Results.StepOutputs = []string{"", base64.StdEncoding.EncodeToString(mustJSON(t, mustPack(t)))}
			test.change(&b)
			r, err := Accept(bytes.NewReader(mustJSON(t, b)), source)
			switch {
			case test.want == "" && (err != nil || r.Commit != commit):
				t.Errorf("it is refused: %v", err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)):
				t.Errorf("it says %v, want %q", err, test.want)
			}
			elsewhere := source
			elsewhere.Repository = "example.dev/other/souk"
			if _, err := Accept(bytes.NewReader(mustJSON(t, b)), elsewhere); err == nil {
				t.Error("images of another repository are accepted")
			}
		})
	}
}

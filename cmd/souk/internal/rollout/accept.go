package rollout

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Source is where a release must come from.
type Source struct {
	// Trigger is the id of the trigger that builds the branch; "" accepts every build,
	// for an operator who deploys by hand.
	Trigger string
	Branch  string
	// Repository holds the images.
	Repository string
}

// Accept returns the release in a build that `gcloud builds describe --format=json`
// describes, if it is one to deploy: a build of the trigger, of the branch, of which
// every step succeeded. Only Cloud Build writes that description, so the identity that
// runs a commit's code cannot change it:
// https://cloud.google.com/build/docs/api/reference/rest/v1/projects.builds#Build
func Accept(description io.Reader, want Source) (Release, error) {
	var build struct {
		ID            string            `json:"id"`
		Status        string            `json:"status"`
		TriggerID     string            `json:"buildTriggerId"`
		Substitutions map[string]string `json:"substitutions"`
		Results       struct {
			StepOutputs [][]byte `json:"buildStepOutputs"`
		} `json:"results"`
	}
	if err := json.NewDecoder(description).Decode(&build); err != nil {
		return Release{}, fmt.Errorf("read the description of a build: %w", err)
	}
	refuse := func(format string, args ...any) (Release, error) {
		return Release{}, fmt.Errorf("build %s: %w", build.ID, fmt.Errorf(format, args...))
	}
	switch branch := build.Substitutions["BRANCH_NAME"]; {
	case build.Status != "SUCCESS":
		return refuse("its status is %s", build.Status)
	case want.Trigger != "" && build.TriggerID != want.Trigger:
		return refuse("it is of trigger %q, not of %q", build.TriggerID, want.Trigger)
	case want.Trigger != "" && branch != want.Branch:
		return refuse("it is of branch %q, not of %q", branch, want.Branch)
	}
	// The step that packs the release is the last one.
	outputs := build.Results.StepOutputs
	if len(outputs) == 0 || len(bytes.TrimSpace(outputs[len(outputs)-1])) == 0 {
		return refuse("%w", errors.New("its last step has no output"))
	}
	r, err := ReadRelease(bytes.NewReader(outputs[len(outputs)-1]))
	if err != nil {
		return refuse("%w", err)
	}
	if commit := build.Substitutions["COMMIT_SHA"]; want.Trigger != "" && r.Commit != commit {
		return refuse("its release is of commit %s, not of %q", r.Commit, commit)
	}
	return r, r.From(want.Repository)
}

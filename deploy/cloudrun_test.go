package deploy_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
)

// What Cloud Run does, as far as the scripts ask it to.

// describe prints what `gcloud run services describe --format=json` prints.
func (c *cloud) describe(name string) error {
	s := c.Services[name]
	if s == nil {
		return fmt.Errorf("cannot find service [%s]", name)
	}
	object := func(pairs ...any) map[string]any {
		o := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			o[pairs[i].(string)] = pairs[i+1]
		}
		return o
	}
	return json.NewEncoder(os.Stdout).Encode(object(
		"kind", "Service",
		"spec", object(
			"template", object("spec", object("containers", []any{object("image", s.Image, "env", environment(s.Env))})),
			"traffic", s.Traffic),
		"status", object(
			"latestCreatedRevisionName", s.Revisions[len(s.Revisions)-1], "latestReadyRevisionName", s.Ready,
			"url", "https://"+name+"-abc-ew.a.run.app", "traffic", s.Traffic),
	))
}

// environment returns variables as Cloud Run describes them.
func environment(variables map[string]string) []map[string]string {
	list := []map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		list = append(list, map[string]string{"name": name, "value": variables[name]})
	}
	return list
}

// describeJob prints what the scripts read in `gcloud run jobs describe --format=json`.
func (c *cloud) describeJob(name string) error {
	if _, there := c.Jobs[name]; !there {
		return fmt.Errorf("cannot find job [%s]", name)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ") // as gcloud prints it
	return encoder.Encode(map[string]any{"kind": "Job", "env": environment(c.JobEnv)})
}

func (c *cloud) deploy(name string, flags map[string]string) error {
	s := c.Services[name]
	if s == nil || !has(flags, "--no-traffic") || has(flags, "--tag") || has(flags, "--revision-suffix") {
		return fmt.Errorf("%s is not there, or is deployed otherwise than it should", name)
	}
	// "assigns any traffic assigned to the LATEST revision to the specific revision
	// bound to LATEST before the deployment": gcloud help run deploy
	for i := range s.Traffic {
		s.Traffic[i].Latest = false
	}
	s.Image = flags["--image"]
	maps.Copy(s.Env, pairs(flags["--update-env-vars"]))
	s.Revisions = append(s.Revisions, fmt.Sprintf("%s-%05d-xyz", name, len(s.Revisions)+1))
	if slices.Contains(c.Broken, s.Image) {
		return fmt.Errorf("revision %q is not ready and cannot serve traffic", s.Revisions[len(s.Revisions)-1])
	}
	s.Ready = s.Revisions[len(s.Revisions)-1]
	return nil
}

func (c *cloud) updateTraffic(name string, flags map[string]string) error {
	s := c.Services[name]
	if s == nil {
		return fmt.Errorf("cannot find service [%s]", name)
	}
	// Tags first, then percentages: gcloud help run services update-traffic
	if has(flags, "--remove-tags") {
		for i, t := range s.Traffic {
			if slices.Contains(strings.Split(flags["--remove-tags"], ","), t.Tag) {
				s.Traffic[i].Tag = ""
			}
		}
	}
	for tag, revision := range pairs(flags["--update-tags"]) {
		if !slices.Contains(s.Revisions, revision) {
			return fmt.Errorf("revision %q to tag is not there", revision)
		}
		for i, t := range s.Traffic {
			if t.Tag == tag {
				s.Traffic[i].Tag = ""
			}
		}
		s.Traffic = append(s.Traffic, cloudTarget{Revision: revision, Tag: tag})
	}
	if has(flags, "--to-revisions") {
		if err := s.shift(pairs(flags["--to-revisions"])); err != nil {
			return err
		}
	}
	s.Traffic = slices.DeleteFunc(s.Traffic, func(t cloudTarget) bool { return t.Percent == 0 && t.Tag == "" })
	return nil
}

func (s *cloudService) shift(shares map[string]string) error {
	for i := range s.Traffic {
		s.Traffic[i].Percent, s.Traffic[i].Latest = 0, false
	}
	sum := 0
	for revision, share := range shares {
		percent, err := strconv.Atoi(share)
		if err != nil || !slices.Contains(s.Revisions, revision) {
			return fmt.Errorf("%s=%s: no such revision, or no percentage", revision, share)
		}
		sum += percent
		s.Traffic = append(s.Traffic, cloudTarget{Revision: revision, Percent: percent})
	}
	if sum != 100 {
		return fmt.Errorf("%d %% of the requests go nowhere", 100-sum)
	}
	return nil
}

func pairs(text string) map[string]string {
	pairs := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			pairs[key] = value
		}
	}
	return pairs
}

// percent is the share of a revision, of whichever service.
func (c *cloud) percent(revision string) int {
	percent := 0
	for _, s := range c.Services {
		for _, t := range s.Traffic {
			if t.Revision == revision {
				percent += t.Percent
			}
		}
	}
	return percent
}

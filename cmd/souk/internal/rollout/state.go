package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The tags of a rollout. They are gone when it has ended, one way or the other.
const (
	// TagNext is on the revision that is rolled out.
	TagNext = "next"
	// TagPrevious is on the one that it replaces, from the moment on that this gets
	// no more requests: without it, the traffic alone does not identify it.
	TagPrevious = "previous"
)

// State is what a rollout wants to know of a Cloud Run service.
type State struct {
	// Stable is the revision that serves, and that a rollout goes back to.
	Stable string
	// Latest is the newest revision, whether it serves or not.
	Latest string
	// Image is the newest revision's.
	Image string
	// Settled reports whether Stable gets all requests and no tag of a rollout exists.
	Settled bool
	// URL is the service's.
	URL string
}

// TagURL is the address of the revision with the tag next:
// https://cloud.google.com/run/docs/rollouts-rollbacks-traffic-migration#tags
func (s State) TagURL() string {
	return strings.Replace(s.URL, "https://", "https://"+TagNext+"---", 1)
}

// target is one line of a service's traffic.
type target struct {
	RevisionName string `json:"revisionName"`
	Percent      int    `json:"percent"`
	Tag          string `json:"tag"`
}

// ReadState reads `gcloud run services describe --format=json`, which prints
// https://cloud.google.com/run/docs/reference/rest/v1/namespaces.services#Service
func ReadState(r io.Reader) (State, error) {
	var service struct {
		Spec struct {
			Template struct {
				Spec struct {
					Containers []struct {
						Image string `json:"image"`
					} `json:"containers"`
				} `json:"spec"`
			} `json:"template"`
			Traffic []target `json:"traffic"`
		} `json:"spec"`
		Status struct {
			LatestCreatedRevisionName string   `json:"latestCreatedRevisionName"`
			URL                       string   `json:"url"`
			Traffic                   []target `json:"traffic"`
		} `json:"status"`
	}
	if err := json.NewDecoder(r).Decode(&service); err != nil {
		return State{}, fmt.Errorf("read the description of a Cloud Run service: %w", err)
	}
	containers := service.Spec.Template.Spec.Containers
	if len(containers) == 0 || len(service.Status.Traffic) == 0 {
		return State{}, errors.New("the description of the Cloud Run service names no container or no traffic: has it ever been ready?")
	}
	s := State{
		Latest: service.Status.LatestCreatedRevisionName,
		URL:    service.Status.URL,
		Image:  containers[0].Image,
		Stable: stable(service.Status.Traffic),
	}
	// What was asked for (spec) and what came of it (status) differ while Cloud Run is
	// at work, and after it failed.
	s.Settled = settled(service.Spec.Traffic) && settled(service.Status.Traffic)
	return s, nil
}

// stable returns the revision that a rollout which ended here would go back to.
func stable(traffic []target) string {
	share := map[string]int{}
	most := ""
	for _, t := range traffic {
		if t.Tag == TagPrevious {
			return t.RevisionName
		}
		share[t.RevisionName] += t.Percent
		if share[t.RevisionName] > share[most] {
			most = t.RevisionName
		}
	}
	return most
}

func settled(traffic []target) bool {
	return slices.ContainsFunc(traffic, func(t target) bool { return t.Percent == 100 }) &&
		!slices.ContainsFunc(traffic, func(t target) bool { return t.Tag == TagNext || t.Tag == TagPrevious })
}

package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"souk/shared/manifest"
)

// Promises is terraform/slo.json, of which terraform/slo.tf makes the SLOs and their
// alerts: customers' bounds and a rollout's are the same.
type Promises struct {
	// Journeys are made of requests, Messages of deliveries. Every function is in one.
	Journeys map[string]Journey `json:"journeys"`
	Messages map[string]Journey `json:"messages"`
	Decided  struct {
		Good          float64 `json:"good"`
		WithinSeconds float64 `json:"within_seconds"`
	} `json:"decided"`
	// PageAtBurnRate is how many times faster than allowed the budget of errors may be
	// used up before somebody is woken.
	PageAtBurnRate float64 `json:"page_at_burn_rate"`
}

// Journey is what is guaranteed of functions together.
type Journey struct {
	Functions []string `json:"functions"`
	Available float64  `json:"available"`
	Fast      float64  `json:"fast"`
	WithinMS  float64  `json:"within_ms"`
	// Page reports whether a fast burn of the budget is an alert that wakes people.
	Page bool `json:"page"`
}

// all returns the journeys of requests and of messages.
func (p Promises) all() []Journey {
	return append(slices.Collect(maps.Values(p.Journeys)), slices.Collect(maps.Values(p.Messages))...)
}

// ReadPromises reads and checks a file of promises.
func ReadPromises(r io.Reader) (Promises, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var p Promises
	if err := decoder.Decode(&p); err != nil {
		return Promises{}, fmt.Errorf("read the promises: %w", err)
	}
	shares := []float64{p.Decided.Good}
	for _, j := range p.all() {
		shares = append(shares, j.Available, j.Fast)
	}
	if slices.ContainsFunc(shares, func(share float64) bool { return share <= 0 || share >= 1 }) || p.PageAtBurnRate < 1 {
		return Promises{}, errors.New("read the promises: a share is not between 0 and 1, or page_at_burn_rate is below 1")
	}
	return p, nil
}

// bounds is what one Cloud Run service must keep.
type bounds struct {
	available float64
	// fast of the answers come within a time; 0 where nothing was promised.
	fast, withinMS float64
}

// of returns the bounds of a Cloud Run service. Cloud Run does not count functions that
// share one apart, so they have the mildest of theirs. What pages at no time is rare, such as
// imports: it counts only where there is nothing else.
func (p Promises) of(run Run) bounds {
	journeys := slices.DeleteFunc(p.all(), func(j Journey) bool {
		return !slices.ContainsFunc(run.Functions, func(f manifest.Function) bool { return slices.Contains(j.Functions, f.Name) })
	})
	if slices.ContainsFunc(journeys, func(j Journey) bool { return j.Page }) {
		journeys = slices.DeleteFunc(journeys, func(j Journey) bool { return !j.Page })
	}
	b := bounds{available: 1}
	for _, j := range journeys {
		b.available = min(b.available, j.Available)
		b.withinMS = max(b.withinMS, j.WithinMS)
		if b.fast == 0 || j.Fast < b.fast {
			b.fast = j.Fast
		}
	}
	return b
}

package rollout

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Promises is terraform/slo.json, of which terraform/slo.tf makes the SLOs and their
// alerts: customers' bounds and a rollout's are the same.
type Promises struct {
	Journeys map[string]struct {
		Functions []string `json:"functions"`
		Available float64  `json:"available"`
		Fast      float64  `json:"fast"`
		WithinMS  float64  `json:"within_ms"`
	} `json:"journeys"`
	Decided struct {
		Good          float64 `json:"good"`
		WithinSeconds float64 `json:"within_seconds"`
	} `json:"decided"`
	AllOthersAvailable float64 `json:"all_others_available"`
	// PageAtBurnRate is how many times faster than allowed the budget of errors may be
	// used up before somebody is woken.
	PageAtBurnRate float64 `json:"page_at_burn_rate"`
}

// ReadPromises reads and checks a file of promises.
func ReadPromises(r io.Reader) (Promises, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var p Promises
	if err := decoder.Decode(&p); err != nil {
		return Promises{}, fmt.Errorf("read the promises: %w", err)
	}
	shares := []float64{p.AllOthersAvailable, p.Decided.Good}
	for _, j := range p.Journeys {
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

// of returns the bounds of a Cloud Run service. Cloud Run does not count functions
// that share one apart, so they have the mildest of theirs.
func (p Promises) of(run Run) bounds {
	b := bounds{available: p.AllOthersAvailable}
	for _, j := range p.Journeys {
		for _, f := range run.Functions {
			if !slices.Contains(j.Functions, f.Name) {
				continue
			}
			b.available = min(b.available, j.Available)
			b.withinMS = max(b.withinMS, j.WithinMS)
			if b.fast == 0 || j.Fast < b.fast {
				b.fast = j.Fast
			}
		}
	}
	return b
}

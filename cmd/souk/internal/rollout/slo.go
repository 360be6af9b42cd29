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

// SLOs is the content of terraform/slo.json, from which terraform/slo.tf creates the
// SLOs and their alerts. Rollouts use the same bounds.
type SLOs struct {
	// Journeys are made of requests, Messages of deliveries. Every function is in one.
	Journeys map[string]Journey `json:"journeys"`
	Messages map[string]Journey `json:"messages"`
	// Decided is the time from the placing of an order to its decision, Paid that from the report of
	// its payment to its confirmation. A rollout does not use Paid: a shop may have no payments.
	Decided OrderTime `json:"decided"`
	Paid    OrderTime `json:"paid"`
	// PageAtBurnRate is the burn rate of the error budget at which an alert pages.
	PageAtBurnRate float64 `json:"page_at_burn_rate"`
}

// OrderTime is how many of the orders take no longer than a time.
type OrderTime struct {
	Good          float64 `json:"good"`
	WithinSeconds float64 `json:"within_seconds"`
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
func (p SLOs) all() []Journey {
	return append(slices.Collect(maps.Values(p.Journeys)), slices.Collect(maps.Values(p.Messages))...)
}

// ReadSLOs reads and validates a file of SLOs.
func ReadSLOs(r io.Reader) (SLOs, error) {
	decoder := json.NewDecoder(r)
	decoder.DisallowUnknownFields()
	var p SLOs
	if err := decoder.Decode(&p); err != nil {
		return SLOs{}, fmt.Errorf("read the SLOs: %w", err)
	}
	shares := []float64{p.Decided.Good, p.Paid.Good}
	for _, j := range p.all() {
		shares = append(shares, j.Available, j.Fast)
	}
	if slices.ContainsFunc(shares, func(share float64) bool { return share <= 0 || share >= 1 }) || p.PageAtBurnRate < 1 {
		return SLOs{}, errors.New("read the SLOs: a share is not between 0 and 1, or page_at_burn_rate is below 1")
	}
	return p, nil
}

// bounds are the SLOs of one Cloud Run service.
type bounds struct {
	available float64
	// fast is the share of responses within withinMS; 0 without an SLO of latency.
	fast, withinMS float64
}

// bounds returns the bounds of a Cloud Run service. Cloud Run does not count functions that
// share one apart, so the mildest of their bounds apply. Journeys without a page alert are
// rare, such as imports: they count only if the service has no others.
func (p SLOs) bounds(run Run) bounds {
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

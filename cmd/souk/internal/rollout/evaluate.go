package rollout

import (
	"fmt"
	"math"
	"net/http"
)

// The definition of a good signal:
//
// A revision is watched from the moment on that its share of the requests was
// raised. Of what it did since, three things are counted, and each is held to
// terraform/slo.json, the bounds of the SLOs:
//
//	failed   a 5xx to a client; to Pub/Sub any response that means "again", but 429,
//	         which is Cloud Run's "no instance is free" and no error of the revision
//	slow     a journey's response that was no 5xx and took longer than its bound
//	late     an order that was decided later than 30 s after it was placed
//
// The signal is bad when the error budget burns at the rate of the page alert (14.4 times what is allowed: 1.44 % failed, 14.4 % slow or late),
// and that is no accident: a revision just at that pace would show as many in fewer
// than one of a hundred windows. So one failure of one request proves nothing, two
// of two do, and ten of 400 as well.
//
// Without requests there is no evaluation: the signal is silent, and the rollout goes on.
// At night a shop has no customers: deploy/rollout has synthetic orders placed at each
// step, so that the functions of an order are never silent. Others may be, and the smoke
// test has shown that they live. Waiting for requests would delay the repair of a shop
// that has none because it is broken.

// accident is how rarely chance alone may show what is called bad.
const accident = 0.01

// Outcome is the evaluation of one Cloud Run service's new revision.
type Outcome struct {
	Run, Revision string
	Bad, Silent   bool
	// Why has the figures.
	Why string
}

// counted is what happened at one revision in a window.
type counted struct {
	codes map[int]int64
	// slow and late of so many, by the bounds that were asked for.
	slow, timed, late, decided int64
}

func (p SLOs) evaluate(run Run, revision string, c counted) Outcome {
	b := p.bounds(run)
	var failed, total int64
	for code, n := range c.codes {
		total += n
		if failure(run.Kind, code) {
			failed += n
		}
	}
	v := Outcome{Run: run.Name, Revision: revision, Silent: total == 0 && c.decided == 0}
	v.Why = fmt.Sprintf("%d of %d failed", failed, total)
	v.Bad = p.pages(failed, total, b.available)
	if b.fast > 0 {
		v.Why += fmt.Sprintf(", %d of %d took longer than %.0f ms", c.slow, c.timed, b.withinMS)
		v.Bad = p.pages(c.slow, c.timed, b.fast) || v.Bad
	}
	if c.decided > 0 {
		v.Why += fmt.Sprintf(", %d of %d orders were decided later than after %.0f s", c.late, c.decided, p.Decided.WithinSeconds)
		v.Bad = p.pages(c.late, c.decided, p.Decided.Good) || v.Bad
	}
	return v
}

func failure(kind string, code int) bool {
	if kind == Push {
		return code/100 != 2 && code != http.StatusTooManyRequests
	}
	return code >= http.StatusInternalServerError
}

// pages reports whether so many bad ones prove that the budget burns at the rate of
// the page alert.
func (p SLOs) pages(bad, all int64, goal float64) bool {
	return atLeast(bad, all, min(1, p.PageAtBurnRate*(1-goal))) < accident
}

// atLeast is the probability of k or more of n, each with probability p: the upper
// tail of the binomial distribution.
func atLeast(k, n int64, p float64) float64 {
	if float64(k) <= float64(n)*p || p >= 1 {
		return 1 // not above average: nothing to be suspicious of
	}
	choose := func(i int64) float64 {
		a, _ := math.Lgamma(float64(n) + 1)
		b, _ := math.Lgamma(float64(i) + 1)
		c, _ := math.Lgamma(float64(n-i) + 1)
		return a - b - c
	}
	sum := 0.0
	for i := k; i <= n; i++ {
		term := math.Exp(choose(i) + float64(i)*math.Log(p) + float64(n-i)*math.Log1p(-p))
		sum += term
		if term < sum*1e-12 || term == 0 {
			break // above average they only get smaller
		}
	}
	return sum
}

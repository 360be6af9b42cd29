package rollout

import (
	"math"

	monitoring "google.golang.org/api/monitoring/v3"
)

// bucketBegin is the smallest value of a distribution's bucket. Bucket 0 holds what is
// below the first bound:
// https://cloud.google.com/monitoring/api/ref_v3/rest/v3/TypedValue#BucketOptions
func bucketBegin(options *monitoring.BucketOptions, i int) float64 {
	if i == 0 || options == nil {
		return math.Inf(-1)
	}
	switch {
	case options.ExponentialBuckets != nil:
		e := options.ExponentialBuckets
		return e.Scale * math.Pow(e.GrowthFactor, float64(i-1))
	case options.LinearBuckets != nil:
		l := options.LinearBuckets
		return l.Offset + l.Width*float64(i-1)
	case options.ExplicitBuckets != nil && i <= len(options.ExplicitBuckets.Bounds):
		return options.ExplicitBuckets.Bounds[i-1]
	default:
		return math.Inf(-1)
	}
}

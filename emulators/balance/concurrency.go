package balance

import (
	"net/url"

	"souk/shared/manifest"
)

// Concurrency returns Options.Concurrency of functions that each have a Cloud Run service of
// their own, at a URL. Functions without one are left out.
func Concurrency(list *manifest.Manifest, at func(manifest.Function) string) map[string]int {
	limits := map[string]int{}
	for _, f := range list.Functions {
		if u, err := url.Parse(at(f)); err == nil && u.Hostname() != "" {
			limits[u.Hostname()] = list.ScalingOf(f).Concurrency
		}
	}
	return limits
}

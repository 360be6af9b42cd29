package manifest

import (
	"fmt"
	"time"
)

// maxCacheAge bounds the age of a response from a cache.
const maxCacheAge = 10 * time.Minute

// Cache configures how long shared caches may serve a response.
type Cache struct {
	// MaxAge is how long they serve it without revalidation.
	MaxAge time.Duration `yaml:"maxAge"`
	// StaleWhileRevalidate is how much longer they serve it while they request a new one
	// (RFC 5861, section 3).
	StaleWhileRevalidate time.Duration `yaml:"staleWhileRevalidate"`
}

// CacheControl returns the Cache-Control of the function's successful responses to
// requests without Authorization, or "" if caches may not store them.
func (f Function) CacheControl() string {
	if f.Cache == nil {
		return ""
	}
	control := fmt.Sprintf("public, max-age=%d", int(f.Cache.MaxAge.Seconds()))
	if stale := f.Cache.StaleWhileRevalidate; stale > 0 {
		control += fmt.Sprintf(", stale-while-revalidate=%d", int(stale.Seconds()))
	}
	return control
}

func (f Function) checkCache() []error {
	if f.Cache == nil {
		return nil
	}
	var errs []error
	if !f.IsPublicRead() {
		errs = append(errs, fmt.Errorf("%s: cache is for a GET that anyone may call", f.Name))
	}
	if f.Cache.MaxAge < time.Second || f.Cache.StaleWhileRevalidate < 0 || f.Cache.MaxAge+f.Cache.StaleWhileRevalidate > maxCacheAge {
		errs = append(errs, fmt.Errorf("%s: cache needs a maxAge of 1s or more, and at most %s with staleWhileRevalidate", f.Name, maxCacheAge))
	}
	for _, d := range []time.Duration{f.Cache.MaxAge, f.Cache.StaleWhileRevalidate} {
		if d%time.Second != 0 {
			errs = append(errs, fmt.Errorf("%s: cache needs whole seconds, got %s", f.Name, d))
		}
	}
	return errs
}

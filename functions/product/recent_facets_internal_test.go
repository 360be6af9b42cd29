package product

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"souk/shared/clock"
)

// TestRecentFacets reads counts before and after their age, those of other searches, and those of more
// searches than are stored.
func TestRecentFacets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var recent recentFacets
		reads := 0
		get := func(hash string) int {
			t.Helper()
			facets, err := recent.get(t.Context(), clock.System, hash, func(context.Context) (Facets, error) {
				reads++
				return Facets{FacetCount: FacetCount{Count: reads}}, nil
			})
			if err != nil {
				t.Fatal(err)
			}
			return facets.Count
		}
		if _, err := recent.get(t.Context(), clock.System, "a", func(context.Context) (Facets, error) { return Facets{}, errors.New("no database") }); err == nil {
			t.Error("the error of a read is not returned")
		}
		for i, want := range []int{1, 1, 2, 1} {
			if got := get([]string{"a", "a", "b", "a"}[i]); got != want {
				t.Errorf("search %d has the counts of read %d, want %d", i, got, want)
			}
		}
		time.Sleep(facetsMaxAge - time.Second)
		if got := get("a"); got != 1 {
			t.Errorf("after %s it has the counts of read %d, want 1", facetsMaxAge-time.Second, got)
		}
		time.Sleep(time.Second)
		if got := get("a"); got != 3 {
			t.Errorf("after %s it has the counts of read %d, want 3", facetsMaxAge, got)
		}
		for i := range 3 * maxRecentFacets {
			get(fmt.Sprint(i))
			time.Sleep(time.Millisecond)
		}
		last := reads
		if get(fmt.Sprint(2 * maxRecentFacets)); reads != last {
			t.Error("the oldest of the searches that are stored at most was evicted")
		}
		if get(fmt.Sprint(2*maxRecentFacets - 1)); reads != last+1 {
			t.Error("a search before those is still stored")
		}
		if got := len(recent.entries); got != maxRecentFacets {
			t.Errorf("%d searches are stored, want %d", got, maxRecentFacets)
		}
		time.Sleep(facetsMaxAge)
		get("new")
		if got := len(recent.entries); got != 1 {
			t.Errorf("%d searches are stored after the others have expired, want 1", got)
		}
	})
}

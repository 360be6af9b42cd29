package product_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"souk/functions/fixtures"
	"souk/shared/function/functiontest"
)

// TestReadAfterWrite changes a product while many clients read it, so that reads share
// statements. A read that begins after the response to a change returns the change.
func TestReadAfterWrite(t *testing.T) {
	t.Parallel()
	for name, path := range map[string]string{
		"a product":         "/v1/products/%s",
		"a list":            "/v1/products?pageSize=1",
		"a search":          "/v1/products?q=assam+tea",
		"the list of names": "/v1/products?orderBy=name",
		"the categories":    "/v1/categories",
	} {
		t.Run("a change is in the next read of "+name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			p := s.mustCreate(t, fixtures.Product("ASSAM", 3))
			if strings.Contains(path, "%s") {
				path = fmt.Sprintf(path, p.ID)
			}
			read := func() string {
				response := s.Do(t, functiontest.Request{Method: http.MethodGet, Path: path})
				response.MustBe(t, http.StatusOK)
				return string(response.Body)
			}
			done := make(chan struct{})
			var clients sync.WaitGroup
			for range 4 {
				clients.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
							read()
						}
					}
				})
			}
			for i := range 10 {
				value := fmt.Sprintf("assam tea %d.", i)
				s.patch(t, p.ID, "*", map[string]any{"name": value, "category": value}).MustBe(t, http.StatusOK)
				if body := read(); !strings.Contains(body, value) {
					t.Errorf("after the change to %q: %s", value, body)
				}
			}
			close(done)
			clients.Wait()
		})
	}
}

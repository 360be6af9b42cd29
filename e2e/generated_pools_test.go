package e2e_test

import (
	"encoding/json"
	"strings"
	"sync"
)

// poolSize bounds each pool: the newest values replace random older ones.
const poolSize = 200

// pools are values of responses that later requests use.
type pools struct {
	mu     sync.Mutex
	byName map[string][]string
	admin  string // id of the admin whose token requests use: its role must not change
}

func newPools() *pools { return &pools{byName: map[string][]string{}} }

func (p *pools) add(v *values, name, value string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pool := p.byName[name]; len(pool) < poolSize {
		p.byName[name] = append(pool, value)
	} else {
		pool[v.IntN(len(pool))] = value
	}
}

func (p *pools) any(v *values, name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if pool := p.byName[name]; len(pool) > 0 {
		return pool[v.IntN(len(pool))]
	}
	return ""
}

// known returns a value for a member with a format and name, "" if there is none.
func (p *pools) known(v *values, format, name string) string {
	switch {
	case name == "productId":
		return p.any(v, "products")
	case name == "userId":
		return p.any(v, "users")
	case format == "email" || name == "email":
		return p.any(v, "email")
	case strings.Contains(strings.ToLower(name), "password"):
		return p.any(v, "password")
	case name == "refreshToken", name == "pageToken", name == "token":
		return p.any(v, name)
	}
	return ""
}

// learn adds the values of a response to the pools. resource is the collection of the
// path: products for /v1/products/{id}.
func (p *pools) learn(v *values, resource string, body []byte) {
	type resourceID struct{ ID string }
	var seen struct {
		resourceID
		Items         []resourceID
		NextPageToken string
		RefreshToken  string
	}
	if json.Unmarshal(body, &seen) != nil {
		return
	}
	for _, t := range append(seen.Items, seen.resourceID) {
		if t.ID != "" {
			p.add(v, resource, t.ID)
		}
	}
	if seen.NextPageToken != "" {
		p.add(v, "pageToken", seen.NextPageToken)
	}
	if seen.RefreshToken != "" {
		p.add(v, "refreshToken", seen.RefreshToken)
	}
}

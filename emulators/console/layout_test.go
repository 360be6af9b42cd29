package console

import (
	"slices"
	"testing"

	"souk/functions"
	"souk/shared/manifest"
)

// TestGraphHasEveryPart requires a node for every function, topic of events and database, and an
// edge for everything that triggers, publishes, subscribes and stores.
func TestGraphHasEveryPart(t *testing.T) {
	t.Parallel()
	m := functions.Manifest()
	g := newGraph(m)
	edges := map[string]bool{}
	for _, e := range g.Edges {
		edges[e.ID] = true
		if e.Path == "" {
			t.Errorf("edge %s has no path", e.ID)
		}
	}
	want := func(id string) {
		t.Helper()
		if !edges[id] {
			t.Errorf("edge %s is missing", id)
		}
	}
	for _, f := range m.Functions {
		if g.byID["f-"+f.Name] == nil || g.byID["d-"+f.Service] == nil {
			t.Fatalf("function %s or its database is missing", f.Name)
		}
		for _, topic := range f.Topics() {
			want("e-" + f.Subscription(topic))
		}
		for _, topic := range f.Publishes {
			want("p-" + f.Name + "." + topic)
		}
		if f.HTTP != "" {
			want("h-" + f.Name)
		}
		if f.Database != manifest.NoDatabase {
			want("b-" + f.Name)
		}
	}
}

// TestGraphIsLayered requires that events flow to the right, that no two nodes overlap, and that
// all are within the drawing and the band of their service.
func TestGraphIsLayered(t *testing.T) {
	t.Parallel()
	g := newGraph(functions.Manifest())
	for _, e := range g.Edges {
		from, to := g.byID[e.From], g.byID[e.To]
		if e.Kind != databaseEdge && from.X+from.W >= to.X && !leads(g, e.To, e.From) {
			t.Errorf("edge %s goes to the left and closes no cycle: from %.0f to %.0f", e.ID, from.X+from.W, to.X)
		}
	}
	for i, one := range g.Nodes {
		if one.W <= 0 || one.X < 0 || one.Y < 0 || one.X+one.W > g.Width || one.Y+one.H > g.Height {
			t.Errorf("node %s is outside of %.0f x %.0f: %+v", one.ID, g.Width, g.Height, one)
		}
		for _, other := range g.Nodes[:i] {
			if one.X < other.X+other.W && other.X < one.X+one.W && one.Y < other.Y+other.H && other.Y < one.Y+one.H {
				t.Errorf("nodes %s and %s overlap", one.ID, other.ID)
			}
		}
		if one.Service == "" {
			continue
		}
		at := slices.IndexFunc(g.Bands, func(b band) bool { return b.Name == one.Service })
		if b := g.Bands[at]; one.Y < b.Y || one.Y+one.H > b.Y+b.H {
			t.Errorf("node %s is outside of the band %s", one.ID, b.Name)
		}
	}
}

// leads reports whether events lead from one node to another. An edge of a cycle, such as a
// cancelled order whose payment is voided, must go to the left somewhere.
func leads(g *graph, from, to string) bool {
	seen, next := map[string]bool{}, []string{from}
	for len(next) > 0 {
		at := next[0]
		next = next[1:]
		if at == to {
			return true
		}
		if seen[at] {
			continue
		}
		seen[at] = true
		for _, e := range g.Edges {
			if e.Kind != databaseEdge && e.From == at {
				next = append(next, e.To)
			}
		}
	}
	return false
}

// TestGraphWithCycle requires that a layout exists where events go round in a circle.
func TestGraphWithCycle(t *testing.T) {
	t.Parallel()
	g := newGraph(&manifest.Manifest{Functions: []manifest.Function{
		{Name: "ping", Service: "a", Events: []string{"pong"}, Publishes: []string{"ping"}},
		{Name: "pong", Service: "a", Events: []string{"ping"}, Publishes: []string{"pong"}},
	}})
	for _, n := range g.Nodes {
		if n.Kind == functionNode && n.Column%2 == 0 || n.Kind == topicNode && n.Column%2 == 1 {
			t.Errorf("node %s is in column %d", n.ID, n.Column)
		}
	}
}

package console

import (
	"slices"

	"souk/shared/manifest"
)

// kind is what a node or an edge of the system's graph is.
type kind string

const (
	sourceNode   kind = "source"
	functionNode kind = "function"
	topicNode    kind = "topic"
	databaseNode kind = "database"

	httpEdge         kind = "http"
	scheduleEdge     kind = "schedule"
	publishEdge      kind = "publish"
	subscriptionEdge kind = "subscription"
	databaseEdge     kind = "database"
)

// Names of the sources.
const (
	gatewayName   = "Gateway"
	schedulerName = "Scheduler"
)

// node is a node of the graph. Column is its layer: sources are in column 0, functions in odd
// columns, topics in even ones.
type node struct {
	ID, Name, Service string
	Kind              kind
	Column            int
	X, Y, W, H        float64
}

// edge is an edge between two nodes, by their ids.
type edge struct {
	ID, From, To string
	Kind         kind
	// Path is an SVG path, LabelX and LabelY the place of its numbers.
	Path           string
	LabelX, LabelY float64
}

// graph is a system: what calls what, from functions.yaml.
type graph struct {
	Nodes         []*node
	Edges         []*edge
	Bands         []band
	Width, Height float64
	byID          map[string]*node
}

// band is the area of a service.
type band struct {
	Name       string
	X, Y, W, H float64
}

// newGraph returns the graph of a manifest with its layout.
func newGraph(m *manifest.Manifest) *graph {
	g := &graph{byID: map[string]*node{}}
	g.addNode(&node{ID: "s-gateway", Name: gatewayName, Kind: sourceNode})
	g.addNode(&node{ID: "s-scheduler", Name: schedulerName, Kind: sourceNode})
	for _, f := range m.Functions {
		g.addNode(&node{ID: "f-" + f.Name, Name: f.Name, Service: f.Service, Kind: functionNode})
	}
	publishers := m.Publishers()
	for _, topic := range m.Topics() {
		if owner, isEvent := topicOwner(m, publishers, topic); isEvent {
			g.addNode(&node{ID: "t-" + topic, Name: topic, Service: owner, Kind: topicNode})
		}
	}
	for _, service := range m.Services() {
		g.addNode(&node{ID: "d-" + service, Name: service, Service: service, Kind: databaseNode})
	}
	for _, f := range m.Functions {
		g.addEdges(f)
	}
	g.setColumns()
	g.place(m.Services())
	return g
}

// topicOwner returns the service of a topic: that of its publishers. The topic of a schedule is
// part of the scheduler.
func topicOwner(m *manifest.Manifest, publishers map[string][]manifest.Function, topic string) (service string, isEvent bool) {
	if f, found := m.Function(topic); found && f.Schedule != "" {
		return "", false
	}
	if from := publishers[topic]; len(from) > 0 {
		return from[0].Service, true
	}
	for _, f := range m.Functions {
		if slices.Contains(f.Events, topic) {
			return f.Service, true
		}
	}
	return m.Functions[0].Service, true
}

func (g *graph) addNode(n *node) {
	g.Nodes = append(g.Nodes, n)
	g.byID[n.ID] = n
}

// addEdges adds the edges of a function: what triggers it, what it publishes, its database.
func (g *graph) addEdges(f manifest.Function) {
	id := "f-" + f.Name
	add := func(kind kind, name, from, to string) {
		g.Edges = append(g.Edges, &edge{ID: name, From: from, To: to, Kind: kind})
	}
	switch {
	case f.HTTP != "":
		add(httpEdge, "h-"+f.Name, "s-gateway", id)
	case f.Schedule != "":
		add(scheduleEdge, "e-"+f.Subscription(f.Name), "s-scheduler", id)
	}
	for _, topic := range f.Events {
		add(subscriptionEdge, "e-"+f.Subscription(topic), "t-"+topic, id)
	}
	for _, topic := range f.Publishes {
		add(publishEdge, "p-"+f.Name+"."+topic, id, "t-"+topic)
	}
	if f.Database != manifest.NoDatabase {
		add(databaseEdge, "b-"+f.Name, id, "d-"+f.Service)
	}
}

// setColumns puts every function one column after its topics, and every topic one column after
// its publishers. Cycles are cut where they are entered second.
func (g *graph) setColumns() {
	entering := map[string]bool{}
	var column func(n *node) int
	column = func(n *node) int {
		if n.Column > 0 || n.Kind == sourceNode || entering[n.ID] {
			return n.Column
		}
		entering[n.ID] = true
		deepest := 0
		for _, e := range g.Edges {
			if e.To == n.ID {
				deepest = max(deepest, column(g.byID[e.From]))
			}
		}
		entering[n.ID] = false
		n.Column = deepest + 1
		if (n.Kind == topicNode) != (n.Column%2 == 0) {
			n.Column++ // without publishers, or without topics
		}
		return n.Column
	}
	last := 0
	for _, n := range g.Nodes {
		if n.Kind != databaseNode {
			last = max(last, column(n))
		}
	}
	for _, n := range g.Nodes {
		if n.Kind == databaseNode {
			n.Column = last
		}
	}
}

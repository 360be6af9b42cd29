package console

import (
	"cmp"
	"fmt"
	"slices"
)

// Sizes of the graph in pixels.
const (
	margin        = 10.0
	sourceWidth   = 78.0
	functionWidth = 152.0
	topicWidth    = 142.0
	nodeHeight    = 21.0
	rowPitch      = 25.0
	// portPitch is the height of a topic for each of its subscriptions.
	portPitch = 21.0
	// Gaps before functions of sources, before topics, and before functions of topics. The
	// numbers of an edge are in the gap before a function.
	sourceGap  = 96.0
	publishGap = 32.0
	pushGap    = 92.0

	bandPadding = 12.0
	bandTitle   = 20.0
	bandGap     = 10.0
	busGap      = 14.0 // from the last row of a band to the line to its database

	databaseHeight = 42.0
)

// place sets the coordinates of all nodes and edges: a band for each service, in it a column
// for each layer.
func (g *graph) place(services []string) {
	x := g.columnPositions()
	last := slices.MaxFunc(g.Nodes, func(one, other *node) int { return cmp.Compare(one.Column, other.Column) }).Column
	g.Width = x[last] + functionWidth + margin + bandPadding
	y := margin
	left := margin + sourceWidth + 26
	for _, service := range services {
		height := g.placeBand(service, x, y)
		g.Bands = append(g.Bands, band{Name: service, X: left, Y: y, W: g.Width - left - 2, H: height})
		y += height + bandGap
	}
	g.Height = y - bandGap + margin
	gateway, scheduler := g.byID["s-gateway"], g.byID["s-scheduler"]
	gateway.X, gateway.W, gateway.H = margin, sourceWidth, 46
	gateway.Y = g.Height*0.4 - gateway.H
	scheduler.X, scheduler.W, scheduler.H = margin, sourceWidth, 34
	scheduler.Y = gateway.Y + gateway.H + 40
	for _, e := range g.Edges {
		g.route(e)
	}
}

// columnPositions returns the left side of each column.
func (g *graph) columnPositions() []float64 {
	last := 0
	for _, n := range g.Nodes {
		last = max(last, n.Column)
	}
	x := make([]float64, last+1)
	x[0] = margin
	for i := 1; i <= last; i++ {
		switch {
		case i == 1:
			x[i] = x[0] + sourceWidth + sourceGap
		case i%2 == 0:
			x[i] = x[i-1] + functionWidth + publishGap
		default:
			x[i] = x[i-1] + topicWidth + pushGap
		}
	}
	return x
}

// placeBand places the nodes of a service below y and returns the height of its band: on top
// what takes part in events, in columns; below it functions that only requests call, in rows;
// and in the corner the database.
func (g *graph) placeBand(service string, x []float64, y float64) float64 {
	bottom := y + bandTitle + bandPadding/2
	top := bottom
	for column := 1; column < len(x); column++ {
		nodes := g.nodesOf(service, func(n *node) bool { return n.Column == column && n.Kind != databaseNode && !g.plain(n) })
		g.sortColumn(nodes)
		next := top
		for _, n := range nodes {
			n.X, n.W, n.H = x[column], functionWidth, nodeHeight
			if n.Kind == topicNode {
				n.W, n.H = topicWidth, max(nodeHeight, portPitch*float64(g.subscriptions(n)))
			}
			n.Y = max(next, g.center(n)-n.H/2)
			next = n.Y + n.H + rowPitch - nodeHeight
			bottom = max(bottom, next)
		}
	}
	last := x[len(x)-1]
	perRow := max(int((last-x[1])/(functionWidth+sourceGap)), 1)
	for i, n := range g.nodesOf(service, g.plain) {
		n.X, n.W, n.H = x[1]+float64(i%perRow)*(functionWidth+sourceGap), functionWidth, nodeHeight
		if i%perRow == 0 {
			n.Y = bottom
			bottom += rowPitch
			continue
		}
		n.Y = bottom - rowPitch
	}
	database := g.byID["d-"+service]
	database.X, database.W, database.H = last, functionWidth, databaseHeight
	database.Y = bottom + busGap - databaseHeight/2
	for _, n := range g.nodesOf(service, func(n *node) bool { return n.Column == database.Column && n.Kind != databaseNode && !g.plain(n) }) {
		database.Y = max(database.Y, n.Y+n.H+busGap)
	}
	return database.Y + database.H + bandPadding - y
}

func (g *graph) nodesOf(service string, matches func(*node) bool) []*node {
	var nodes []*node
	for _, n := range g.Nodes {
		if n.Service == service && matches(n) {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

// plain reports whether a node is a function that only requests call and that publishes nothing.
func (g *graph) plain(n *node) bool {
	return n.Kind == functionNode && n.Column == 1 && g.rank(n) == 1
}

// sortColumn sorts the nodes of a column: functions of the first by what they do, and others by
// the mean height of what comes before them, so that few edges cross.
func (g *graph) sortColumn(nodes []*node) {
	slices.SortStableFunc(nodes, func(one, other *node) int {
		if one.Column == 1 {
			return cmp.Compare(g.rank(one), g.rank(other))
		}
		return cmp.Compare(g.center(one), g.center(other))
	})
}

// rank returns the place of a function in the first column: those that publish, others,
// scheduled ones.
func (g *graph) rank(n *node) int {
	rank := 1
	for _, e := range g.Edges {
		switch {
		case e.From == n.ID && e.Kind == publishEdge:
			return 0
		case e.To == n.ID && e.Kind == scheduleEdge:
			rank = 2
		}
	}
	return rank
}

// center returns the mean height of the nodes of the same band before a node, 0 without any.
func (g *graph) center(n *node) float64 {
	total, count := 0.0, 0.0
	for _, e := range g.Edges {
		if from := g.byID[e.From]; e.To == n.ID && from.Column < n.Column && from.Service == n.Service {
			total += from.Y + from.H/2
			count++
		}
	}
	if count == 0 {
		return 0
	}
	return total / count
}

// subscriptions returns the number of subscriptions of a topic.
func (g *graph) subscriptions(n *node) int {
	count := 0
	for _, e := range g.Edges {
		if e.From == n.ID {
			count++
		}
	}
	return count
}

// route sets the path of an edge and the place of its numbers.
func (g *graph) route(e *edge) {
	from, to := g.byID[e.From], g.byID[e.To]
	middle := to.Y + to.H/2
	switch e.Kind {
	case httpEdge, scheduleEdge:
		begin := from.trunk()
		if to.X-begin > sourceGap+functionWidth { // above the functions before it in the row
			e.Path = fmt.Sprintf("M%.1f %.1fH%.1fV%.1fH%.1f", begin, to.Y-(rowPitch-nodeHeight)/2, to.X-11, middle, to.X-2)
		} else {
			e.Path = fmt.Sprintf("M%.1f %.1fH%.1f", begin, middle, to.X-2)
		}
		e.LabelX, e.LabelY = to.X-9, middle-3.5
	case publishEdge:
		e.Path = curve(from.X+from.W, from.Y+from.H/2, to.X, middle)
	case subscriptionEdge:
		y := from.Y + from.H*(g.port(e)+0.5)/float64(g.subscriptions(from))
		e.Path = curve(from.X+from.W, y, to.X-2, middle)
		e.LabelX, e.LabelY = from.X+from.W+6, y-3.5
	case databaseEdge:
		// A line down beside each column, and along the lower side of the band.
		line, end := from.X+from.W+6, to.X
		if to.X < line {
			end = to.X + to.W
		}
		e.Path = fmt.Sprintf("M%.1f %.1fH%.1fV%.1fH%.1f", from.X+from.W, from.Y+from.H/2, line, to.Y+to.H/2, end)
	}
}

// trunk returns the place of the vertical line from a source to its functions.
func (n *node) trunk() float64 {
	if n.Name == schedulerName {
		return n.X + n.W + 19
	}
	return n.X + n.W + 12
}

// Trunks returns the paths of the lines from the sources along their functions.
func (g *graph) Trunks() []string {
	var paths []string
	for _, source := range g.Nodes {
		if source.Kind != sourceNode {
			continue
		}
		top, bottom := source.Y+source.H/2, source.Y+source.H/2
		for _, e := range g.Edges {
			if e.From == source.ID {
				to := g.byID[e.To]
				top, bottom = min(top, to.Y+to.H/2), max(bottom, to.Y+to.H/2)
			}
		}
		paths = append(paths, fmt.Sprintf("M%.1f %.1fH%.1fM%.1f %.1fV%.1f",
			source.X+source.W, source.Y+source.H/2, source.trunk(), source.trunk(), top, bottom))
	}
	return paths
}

// port returns the place of a subscription among those of its topic, from the top.
func (g *graph) port(e *edge) float64 {
	port := 0.0
	to := g.byID[e.To]
	for _, other := range g.Edges {
		if other.From != e.From || other == e {
			continue
		}
		if y := g.byID[other.To].Y; y < to.Y || y == to.Y && other.ID < e.ID {
			port++
		}
	}
	return port
}

// curve returns a path that leaves and arrives horizontally.
func curve(x1, y1, x2, y2 float64) string {
	bend := max((x2-x1)/2, 24)
	return fmt.Sprintf("M%.1f %.1fC%.1f %.1f %.1f %.1f %.1f %.1f", x1, y1, x1+bend, y1, x2-bend, y2, x2, y2)
}

package console

import "net/http"

// maxDots is the most instances that the graph shows as dots.
const maxDots = 5

// systemView is the data of the page System.
type systemView struct {
	Known bool
	Graph *graph
	// Dots are the places of the dots of a function's instances.
	Dots []float64
}

func systemPage(c *Console) page {
	view := systemView{Known: c.options.Functions != nil, Graph: newGraph(c.options.Manifest)}
	for i := range maxDots {
		view.Dots = append(view.Dots, functionWidth-9-float64(i)*8)
	}
	return page{
		name: "system", title: "System", text: "Functions, topics and databases, and what flows between them",
		view: func(*http.Request) (any, error) { return view, nil },
		events: func(r *http.Request, s *stream) error {
			return c.sampler.follow(r.Context(), func(_ reading, latest sample) error { return s.send("sample", latest) })
		},
	}
}

package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"souk/emulators/cloudrun"
	"souk/shared/manifest"
)

// functionsView is the data of the page Functions: all of them, or one.
type functionsView struct {
	Known    bool
	Services []serviceView
	One      *functionView
	// Charts are the titles of the charts, which functions.js draws.
	Charts []string
}

// Charts of all functions together, and of one in addition.
var (
	totalCharts    = []string{"Invocations", "Latency", "Instances", "CPU"}
	functionCharts = append(slices.Clone(totalCharts), "In flight", "Memory", "Refused")
)

type serviceView struct {
	Name      string
	Functions []functionView
}

type functionView struct {
	Name, Service, Trigger, Access string
	Scheduled                      bool
	Scaling                        cloudrun.Scaling
	Charts                         []string
}

func functionsPage(c *Console) page {
	return page{
		name: "functions", title: "Functions", text: "Instances, load and latency of every function",
		view:    func(r *http.Request) (any, error) { return c.functionsView(r.URL.Query().Get("name")) },
		events:  c.functionEvents,
		actions: map[string]action{"run": c.runSchedule},
	}
}

// functionsView describes the function with a name, or all if it is empty.
func (c *Console) functionsView(name string) (functionsView, error) {
	view := functionsView{Known: c.options.Functions != nil, Charts: totalCharts}
	scaling := map[string]cloudrun.Scaling{}
	last, _, _ := c.sampler.state()
	for _, f := range last.functions {
		scaling[f.Name] = f.Scaling
	}
	for _, service := range c.options.Manifest.Services() {
		one := serviceView{Name: service}
		for _, f := range c.options.Manifest.FunctionsOf(service) {
			described := describeFunction(f, scaling[f.Name])
			one.Functions = append(one.Functions, described)
			if f.Name == name {
				described.Charts = functionCharts
				view.One = &described
			}
		}
		view.Services = append(view.Services, one)
	}
	if name != "" && view.One == nil {
		return view, fmt.Errorf("%w: there is no function %q", errInvalid, name)
	}
	return view, nil
}

func describeFunction(f manifest.Function, scaling cloudrun.Scaling) functionView {
	v := functionView{Name: f.Name, Service: f.Service, Trigger: f.HTTP, Access: string(f.Access), Scaling: scaling}
	switch {
	case f.Schedule != "":
		v.Trigger, v.Access, v.Scheduled = "schedule "+f.Schedule, "scheduler", true
	case f.HTTP == "":
		v.Trigger, v.Access = strings.Join(f.Events, ", "), "Pub/Sub"
	}
	return v
}

// sparkSpan is the time of the small charts in seconds.
const sparkSpan = 180

// functionHistory is the data of the event "history" of the page: rows for the charts and, of all
// functions, the small charts.
type functionHistory struct {
	Rows   [][]float64             `json:"rows"`
	Sparks map[string][][2]float64 `json:"sparks,omitempty"`
}

// functionUpdate is the data of an event "sample" of the page.
type functionUpdate struct {
	// Row is the newest row of the charts: of one function, or of all together.
	Row []float64 `json:"row"`
	// Function and Instances are those of one function.
	Function  *functionSample           `json:"function,omitempty"`
	Instances []cloudrun.InstanceStatus `json:"instances,omitempty"`
	// Functions are all, without a name; Total is their sum.
	Functions []functionSample `json:"functions,omitempty"`
	Total     *functionSample  `json:"total,omitempty"`
}

// functionEvents sends the history of a function, or of all, and then every sample.
func (c *Console) functionEvents(r *http.Request, s *stream) error {
	name := r.URL.Query().Get("name")
	history := functionHistory{Rows: c.sampler.rows(name)}
	if last, _, _ := c.sampler.state(); name == "" {
		history.Sparks = c.sampler.sparks(last.at - sparkSpan)
	}
	if err := s.send("history", history); err != nil {
		return err
	}
	return c.sampler.follow(r.Context(), func(last reading, latest sample) error {
		if name == "" {
			p := latest.Total.point()
			return s.send("sample", functionUpdate{Row: p.row(latest.T), Functions: latest.Functions, Total: &latest.Total})
		}
		for i, f := range latest.Functions {
			if f.Name == name {
				p := f.point()
				return s.send("sample", functionUpdate{Row: p.row(latest.T), Function: &f, Instances: last.functions[i].Instances})
			}
		}
		return nil
	})
}

// runSchedule calls the scheduled function in the form now.
func (c *Console) runSchedule(r *http.Request) (string, error) {
	name := r.PostForm.Get("function")
	f, known := c.options.Manifest.Function(name)
	if !known || f.Schedule == "" || c.options.RunSchedule == nil {
		return "", fmt.Errorf("%w: %q is not a scheduled function of this system", errInvalid, name)
	}
	if err := c.options.RunSchedule(r.Context(), name); err != nil {
		return "", fmt.Errorf("call %s: %w", name, err)
	}
	return "Called " + name + ".", nil
}

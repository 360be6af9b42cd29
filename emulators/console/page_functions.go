package console

import (
	"fmt"
	"net/http"
)

func functionsPage(c *Console) page {
	return page{
		name: "functions", title: "Functions", text: "Instances, load and latency of every function",
		view:    func(*http.Request) (any, error) { return nil, nil },
		actions: map[string]action{"run": c.runSchedule},
	}
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

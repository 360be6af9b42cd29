package console

import (
	"net/http"
	"time"

	"souk/emulators/cloudrun"
)

func systemPage(c *Console) page {
	return page{
		name: "system", title: "System", text: "Functions, topics and databases, and what flows between them",
		view: func(*http.Request) (any, error) { return c.functions(), nil },
		events: func(_ *http.Request, s *stream) error {
			return s.every(time.Second, func() error { return s.send("functions", c.functions()) })
		},
	}
}

// functions returns the state of all functions, nil if it is not available.
func (c *Console) functions() []cloudrun.Status {
	if c.options.Functions == nil {
		return nil
	}
	return c.options.Functions()
}

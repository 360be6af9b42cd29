package console

import (
	"bytes"
	"fmt"
)

// fragment renders a template of a page, so that a part of the page and its live updates
// have one template. The script passes it to patch().
func (c *Console) fragment(page, name string, data any) (string, error) {
	var body bytes.Buffer
	if err := c.sheets[page].ExecuteTemplate(&body, name, data); err != nil {
		return "", fmt.Errorf("render %s of page %s: %w", name, page, err)
	}
	return body.String(), nil
}

// Package manifestfile reads functions.yaml. It is not part of package manifest, because the
// programs of the services have the list as JSON, and need no YAML.
package manifestfile

import (
	"fmt"

	"souk/shared/manifest"
	"souk/shared/strictyaml"
)

// Parse parses and checks a manifest. Its error lists all problems.
func Parse(text []byte) (*manifest.Manifest, error) {
	var m manifest.Manifest
	if err := strictyaml.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("read the list of functions: %w", err)
	}
	if err := m.Check(); err != nil {
		return nil, err
	}
	return &m, nil
}

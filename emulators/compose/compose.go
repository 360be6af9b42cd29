// Package compose writes the functions of functions.yaml as services of docker-compose.yml.
package compose

import (
	"bytes"
	"errors"
	"fmt"

	"souk/shared/manifest"
)

// The lines around the functions' services. What is between them is generated.
const (
	begin = "  # BEGIN functions, written by `make generate`\n"
	end   = "  # END functions\n"
)

// Update returns a Compose file in which the services of the functions are those of the
// list. All else is unchanged.
func Update(file []byte, list *manifest.Manifest) ([]byte, error) {
	before, rest, found := bytes.Cut(file, []byte(begin))
	_, after, ended := bytes.Cut(rest, []byte(end))
	if !found || !ended {
		return nil, errors.New("the Compose file has no lines BEGIN functions and END functions")
	}
	var updated bytes.Buffer
	updated.Write(before)
	updated.WriteString(begin)
	for i, service := range list.Services() {
		if i > 0 {
			updated.WriteString("\n")
		}
		for first, f := range list.FunctionsOf(service) {
			writeFunction(&updated, f, list.ScalingOf(f), first == 0)
		}
	}
	updated.WriteString(end)
	updated.Write(after)
	return updated.Bytes(), nil
}

// writeFunction writes the service of a function. The first function of each service builds
// the image of all.
func writeFunction(w *bytes.Buffer, f manifest.Function, scaling manifest.Scaling, builds bool) {
	fmt.Fprintf(w, "  %s:\n    <<: *%s\n", f.Name, f.Service)
	if builds {
		fmt.Fprintf(w, "    build: {context: ., dockerfile: functions/Dockerfile, args: {SERVICE: %s}}\n", f.Service)
	}
	fmt.Fprintf(w, "    mem_limit: %dm\n", scaling.MemoryBytes()>>20)
	fmt.Fprintf(w, "    environment: {<<: *%s-environment, FUNCTION_TARGET: %s, GOMEMLIMIT: %s}\n", f.Service, f.Name, scaling.GoMemLimit())
	fmt.Fprintf(w, "    volumes: [{<<: *secrets, volume: {subpath: %s}}]\n", f.Name)
}

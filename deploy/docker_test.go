package deploy_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// fakeDocker stands in for docker: it writes down what it is asked, and a digest.
func fakeDocker(args []string) int {
	metadata := ""
	err := changeCloud(os.Getenv(cloudVariable), func(c *cloud) error {
		c.Calls = append(c.Calls, "docker "+strings.Join(args, " "))
		if len(args) < 2 || args[0] != "buildx" || !slices.Contains([]string{"inspect", "create", "build"}, args[1]) {
			return fmt.Errorf("docker: what is %q?", args)
		}
		if i := slices.Index(args, "--metadata-file"); i > 0 && c.Failing == "" {
			metadata = args[i+1]
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if metadata != "" {
		err = os.WriteFile(metadata, []byte(`{"containerimage.config.digest": "sha256:`+strings.Repeat("0", 64)+`", "containerimage.digest": "sha256:`+strings.Repeat("a", 64)+`"}`), 0o600)
	}
	if err != nil || args[1] == "inspect" {
		return 1 // there is no builder yet
	}
	return 0
}

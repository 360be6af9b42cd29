package deploy_test

import (
	"crypto/sha256"
	"errors"
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
		if len(args) < 2 || args[0] != "buildx" || !slices.Contains([]string{"inspect", "create", "build", "imagetools"}, args[1]) {
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
	if args[1] == "imagetools" {
		return printDigest(args)
	}
	if err != nil || args[1] == "inspect" {
		return 1 // there is no builder yet
	}
	return 0
}

// printDigest prints which image is in an index, or for deploy/pin which digest a tag has.
func printDigest(args []string) int {
	reference := args[3]
	switch {
	case strings.Contains(reference, "no-such"):
		fmt.Fprintln(os.Stderr, "ERROR: not found")
		return 1
	case strings.Contains(reference, "@sha256:"):
		fmt.Println("sha256:" + strings.Repeat("b", 64))
	default:
		fmt.Printf("sha256:%x\n", sha256.Sum256([]byte(reference)))
	}
	return 0
}

// fakeGcrane stands in for gcrane: it copies by digest, to a tag.
func fakeGcrane(args []string) int {
	err := changeCloud(os.Getenv(cloudVariable), func(c *cloud) error {
		c.Calls = append(c.Calls, "gcrane "+strings.Join(args, " "))
		if len(args) != 3 || args[0] != "cp" || !strings.Contains(args[1], "@sha256:") || strings.Contains(args[2], "@") {
			return fmt.Errorf("gcrane: what is %q?", args)
		}
		if c.Failing == "gcrane" {
			return errors.New("gcrane: injected fault")
		}
		repository := args[2][:strings.LastIndex(args[2], ":")]
		// The index, and the image in it.
		_, index, _ := strings.Cut(args[1], "@")
		c.Registry = append(c.Registry, repository+"@"+index, repository+"@sha256:"+strings.Repeat("b", 64))
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

package deploy_test

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// What Cloud Build, Cloud Storage, Pub/Sub, Artifact Registry and Binary Authorization
// do, as far as a release asks them to.

// builds prints what gcloud prints of builds: for deploy/turn those under way, for
// deploy/accept the newest of the trigger, and the state of one.
func (c *cloud) builds(command string, flags map[string]string) error {
	switch {
	case command == "builds describe" && flags["--format"] == "json":
		fmt.Println(string(c.Build))
	case command == "builds describe" && c.UnderWay > 0:
		c.UnderWay--
		fmt.Println("WORKING")
	case command == "builds describe":
		fmt.Println("SUCCESS")
	case strings.Contains(flags["--filter"], "buildTriggerId=t1 AND status=SUCCESS") && flags["--sort-by"] == "~createTime":
		fmt.Println(c.Newest)
	case flags["--filter"] == "tags=rollout AND status=WORKING" && flags["--sort-by"] == "startTime":
		fmt.Println(strings.Join(c.Builds, "\n"))
		if len(c.Builds) > 1 {
			c.Builds = c.Builds[1:]
		}
	default:
		return fmt.Errorf("nothing is known of such builds: %v", flags)
	}
	return nil
}

func (c *cloud) runRelease(command, name string, flags map[string]string) error {
	switch command {
	case "storage cat":
		text, found := c.Objects[name]
		if !found {
			return fmt.Errorf("there is no %s", name)
		}
		fmt.Print(text)
		return nil
	case "storage cp":
		from, to, _ := strings.Cut(name, " ")
		text, err := os.ReadFile(from)
		if err != nil || !has(flags, "--no-clobber") {
			return fmt.Errorf("%s would be overwritten (%w)", to, err)
		}
		if c.Objects == nil {
			c.Objects = map[string]string{}
		}
		if _, found := c.Objects[to]; !found {
			c.Objects[to] = string(text)
		}
		return nil
	case "pubsub topics publish":
		if !strings.HasPrefix(flags["--attribute"], "release=") {
			return errors.New("which release?")
		}
		return nil
	case "artifacts docker images describe":
		if !slices.Contains(c.Registry, name) {
			return fmt.Errorf("there is no image %s", name)
		}
		return nil
	case "container binauthz attestations list":
		if slices.Contains(c.Attested, flags["--artifact-url"]) {
			fmt.Println("projects/p/occurrences/1")
		}
		return nil
	case "beta container binauthz attestations sign-and-create":
		c.Attested = append(c.Attested, flags["--artifact-url"])
		return nil
	}
	return errors.New("the stand-in cannot do that")
}

package deploy_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
)

// cloud is a Google Cloud project in a file, which the stand-in of gcloud works on.
type cloud struct {
	Services map[string]*cloudService
	// Jobs maps a job to its image, and JobEnv has the variables of the job migrate.
	Jobs   map[string]string
	JobEnv map[string]string
	// Builds are under way, oldest first; the oldest ends when it was looked at.
	Builds []string
	// Build is the description of the one build that can be read, and Newest the newest
	// build of the trigger that succeeded. It is under way for so many looks at it.
	Build    json.RawMessage
	Newest   string
	UnderWay int
	// Objects are those of buckets, by gs:// address.
	Objects map[string]string
	// Registry has the images that were copied or pushed, Attested those that were signed.
	Registry, Attested []string
	// Severities of what a scan finds.
	Severities []string
	// Quotas are limit and usage of a project's quotas in Compute Engine, RegionQuotas
	// those of its region, and QuotaInfos the lines about another API's.
	Quotas, RegionQuotas map[string][2]int
	QuotaInfos           map[string][]string
	// Accounts is how many service accounts there are.
	Accounts int
	// Calls are all command lines so far.
	Calls []string

	// KillAt kills the script, and all that it started, once that call, counted from 1,
	// has had its effect.
	KillAt int
	// Failing makes calls fail that contain the text.
	Failing string
	// GoneInstance is a Cloud SQL instance that was deleted.
	GoneInstance string
	// Broken are images that do not start.
	Broken []string
}

type cloudService struct {
	Image string
	// Env are the variables of its newest revision.
	Env       map[string]string
	Revisions []string
	// Ready is the newest revision that started.
	Ready   string
	Traffic []cloudTarget
}

type cloudTarget struct {
	Revision string `json:"revisionName"`
	Percent  int    `json:"percent,omitempty"`
	Tag      string `json:"tag,omitempty"`
	Latest   bool   `json:"latestRevision,omitempty"`
}

const cloudVariable = "FAKE_CLOUD"

// fakeGcloud is the stand-in's main. What real gcloud does not know it refuses.
func fakeGcloud(args []string) int {
	path := os.Getenv(cloudVariable)
	code := 0
	err := changeCloud(path, func(c *cloud) error {
		c.Calls = append(c.Calls, strings.Join(args, " "))
		if c.Failing != "" && strings.Contains(strings.Join(args, " "), c.Failing) {
			code = 1
			fmt.Fprintln(os.Stderr, "ERROR: (gcloud) injected fault")
			return nil
		}
		command, name, flags, err := parse(args)
		if err == nil {
			err = c.run(command, name, flags)
		}
		if err != nil {
			code = 1
			fmt.Fprintln(os.Stderr, "ERROR: (gcloud)", err)
		}
		return nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "stand-in:", err)
		return 70
	}
	if c, err := readCloud(path); err == nil && len(c.Calls) == c.KillAt {
		_ = syscall.Kill(0, syscall.SIGKILL) // its whole process group, itself included
	}
	return code
}

// changeCloud changes the file under a lock.
func changeCloud(path string, change func(*cloud) error) (err error) {
	lock, err := os.Create(path + ".lock")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	c, err := readCloud(path)
	if err != nil {
		return err
	}
	if err := change(c); err != nil {
		return err
	}
	return writeCloud(path, c)
}

func readCloud(path string) (*cloud, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var c cloud
	return &c, json.Unmarshal(text, &c)
}

func writeCloud(path string, c *cloud) error {
	text, err := json.MarshalIndent(c, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// parse finds command, name and flags, all of which real gcloud must have.
// testdata/gcloud.json is of its own table, TestFlagsAreGcloudsOwn says which.
func parse(args []string) (command, name string, flags map[string]string, err error) {
	text, err := os.ReadFile(os.Getenv("FAKE_FLAGS"))
	if err != nil {
		return "", "", nil, err
	}
	var known map[string]map[string]string
	if err := json.Unmarshal(text, &known); err != nil {
		return "", "", nil, err
	}
	line := strings.Join(args, " ")
	for candidate := range known {
		if strings.HasPrefix(line+" ", candidate+" ") {
			command = candidate
		}
	}
	if command == "" {
		return "", "", nil, fmt.Errorf("there is no command %q", line)
	}
	flags = map[string]string{}
	for _, arg := range args[len(strings.Fields(command)):] {
		flag, value, hasValue := strings.Cut(arg, "=")
		if !strings.HasPrefix(arg, "--") {
			if name != "" && command != "storage cp" && command != "sql instances clone" {
				return "", "", nil, fmt.Errorf("%s: unrecognized argument %q", command, arg)
			}
			name = strings.TrimSpace(name + " " + arg)
			continue
		}
		kind, ok := known[command][flag]
		if !ok || (kind == "bool") == hasValue {
			return "", "", nil, fmt.Errorf("%s: unrecognized argument %q", command, arg)
		}
		flags[flag] = value
	}
	if flags["--project"] == "" || !has(flags, "--quiet") {
		return "", "", nil, fmt.Errorf("%s: which project? and ask nothing", command)
	}
	return command, name, flags, nil
}

func has(flags map[string]string, name string) bool {
	_, set := flags[name]
	return set
}

// run does what a command does.
func (c *cloud) run(command, name string, flags map[string]string) error {
	switch command {
	case "run services describe":
		return c.describe(name)
	case "run deploy":
		return c.deploy(name, flags)
	case "sql instances clone", "sql instances patch":
		return nil
	case "sql instances list":
		if instance := strings.TrimPrefix(flags["--filter"], "name="); instance != c.GoneInstance {
			fmt.Println(instance)
		}
		return nil
	case "run revisions describe":
		service, _, _ := strings.Cut(name, "-0000")
		fmt.Println(image(service, "serving"))
		return nil
	case "run services update-traffic":
		return c.updateTraffic(name, flags)
	case "run jobs update":
		if _, ok := c.Jobs[name]; !ok {
			return fmt.Errorf("there is no job %q", name)
		}
		c.Jobs[name] = flags["--image"]
		return nil
	case "run jobs describe":
		return c.describeJob(name)
	case "run jobs list":
		for name := range c.Jobs {
			fmt.Println(name)
		}
		return nil
	case "run jobs execute":
		return c.execute(name, flags)
	case "run services list":
		for name := range c.Services {
			fmt.Println(name)
		}
		return nil
	case "builds list", "builds describe":
		return c.builds(command, flags)
	case "artifacts docker images scan":
		if !strings.Contains(name, "@sha256:") {
			return fmt.Errorf("%q is no digest", name)
		}
		fmt.Println("projects/p/locations/europe/scans/1")
		return nil
	case "artifacts docker images list-vulnerabilities":
		fmt.Println(strings.Join(c.Severities, "\n"))
		return nil
	case "compute project-info describe":
		return printQuotas(c.Quotas, flags)
	case "compute regions describe":
		return printQuotas(c.RegionQuotas, flags)
	case "iam service-accounts list":
		for i := range c.Accounts {
			fmt.Printf("account-%d@souk-test.iam.gserviceaccount.com\n", i)
		}
		return nil
	case "beta quotas info list":
		for _, line := range c.QuotaInfos[flags["--service"]] {
			fmt.Println(line)
		}
		return nil
	}
	return c.runRelease(command, name, flags)
}

func (c *cloud) execute(name string, flags map[string]string) error {
	image, ok := c.Jobs[name]
	if !ok || !has(flags, "--wait") {
		return fmt.Errorf("there is no job %q, or --wait is missing", name)
	}
	if name == "synthetic-order" { // terraform's image: the pipeline may not change it
		if flags["--args"] != "synthetic-order,--orders,60" {
			return fmt.Errorf("the synthetic order is given %q", flags["--args"])
		}
		return nil
	}
	if !strings.Contains(image, "@sha256:") || strings.Contains(image, "@sha256:old") {
		return fmt.Errorf("the job %s would run %q", name, image)
	}
	if name != "smoke" {
		return nil
	}
	args := strings.Split(flags["--args"], ",")
	if len(args) < 5 || !slices.Equal(args[:3], []string{"rollout", "smoke", "--granularity"}) {
		return fmt.Errorf("nothing is asked: %q", args)
	}
	for _, arg := range args[4:] {
		service, url, _ := strings.Cut(arg, "=")
		s := c.Services[service]
		if s == nil || url != "https://next---"+service+"-abc-ew.a.run.app" ||
			!slices.ContainsFunc(s.Traffic, func(t cloudTarget) bool { return t.Tag == "next" && t.Revision == s.Ready }) {
			return fmt.Errorf("nothing responds at %q", arg)
		}
	}
	return nil
}

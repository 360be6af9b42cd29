package functions_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"souk/emulators/local"
	"souk/functions"
	"souk/shared/manifest"
)

// container is a service of docker-compose.yml, with its anchors filled in.
type container struct {
	Image       string            `yaml:"image"`
	PullPolicy  string            `yaml:"pull_policy"`
	Environment map[string]string `yaml:"environment"`
	Build       struct {
		Dockerfile string            `yaml:"dockerfile"`
		Args       map[string]string `yaml:"args"`
	} `yaml:"build"`
	Volumes []yaml.Node `yaml:"volumes"`
	Ports   []string    `yaml:"ports"`

	Networks    []string       `yaml:"networks"`
	Restart     string         `yaml:"restart"`
	ReadOnly    bool           `yaml:"read_only"`
	CapDrop     []string       `yaml:"cap_drop"`
	SecurityOpt []string       `yaml:"security_opt"`
	MemLimit    string         `yaml:"mem_limit"`
	DependsOn   map[string]any `yaml:"depends_on"`
	Healthcheck struct {
		Test []string `yaml:"test"`
	} `yaml:"healthcheck"`
}

// secrets are the folders of secrets that it mounts, sorted.
func (c container) secrets() []string {
	var folders []string
	for _, node := range c.Volumes {
		var mount struct {
			Source string `yaml:"source"`
			Volume struct {
				Subpath string `yaml:"subpath"`
			} `yaml:"volume"`
		}
		// A volume may also be written as one text; secrets are not.
		if node.Decode(&mount) == nil && mount.Source == "secrets" {
			folders = append(folders, mount.Volume.Subpath)
		}
	}
	slices.Sort(folders)
	return folders
}

// composeFaults says how docker-compose.yml differs from the list of functions.
func composeFaults(t *testing.T, text string, list *manifest.Manifest) (faults []string) {
	t.Helper()
	var file struct {
		Services map[string]container `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	fault := func(name, format string, args ...any) {
		faults = append(faults, name+": "+fmt.Sprintf(format, args...))
	}
	built := map[string]string{}
	for name, c := range file.Services {
		if service := c.Build.Args["SERVICE"]; service != "" {
			if other, twice := built[service]; twice {
				fault(name, "builds the image of %s, as %s does", service, other)
			}
			built[service] = name
		}
		if _, is := list.Function(name); !is && (c.Environment["FUNCTION_TARGET"] != "" || slices.Contains(list.Services(), strings.TrimPrefix(c.Image, "souk/"))) {
			fault(name, "is in no line of functions.yaml")
		}
		for _, port := range c.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				fault(name, "port %s is open to others than this machine", port)
			}
		}
	}
	for _, service := range append(list.Services(), "souk") {
		if built[service] == "" {
			fault("souk/"+service, "no container builds this image")
		}
	}
	for _, f := range list.Functions {
		c, listed := file.Services[f.Name]
		if !listed {
			fault(f.Name, "has no container. Add to docker-compose.yml, and give it its secrets %v:\n%s", f.Secrets, entry(f))
			continue
		}
		for what, differs := range c.differences(f, list.ScalingOf(f)) {
			if differs {
				fault(f.Name, "%s", what)
			}
		}
	}
	slices.Sort(faults)
	return faults
}

// entry is a function's in docker-compose.yml.
func entry(f manifest.Function) string {
	return fmt.Sprintf("  %s:\n    <<: *%s\n    environment: {<<: *environment, FUNCTION_TARGET: %[1]s}\n", f.Name, f.Service)
}

// differences are what a function's container may have wrong.
func (c container) differences(f manifest.Function, scaling manifest.Scaling) map[string]bool {
	secrets := []string{f.Service}
	for _, name := range f.Secrets {
		secrets = append(secrets, local.SecretFolder(name))
	}
	slices.Sort(secrets)
	return map[string]bool{
		"its image is " + c.Image + ", not souk/" + f.Service:                                                   c.Image != "souk/"+f.Service,
		"its image may come from a registry, where that name is a stranger's":                                   c.PullPolicy != "never",
		"its FUNCTION_TARGET is " + c.Environment["FUNCTION_TARGET"]:                                            c.Environment["FUNCTION_TARGET"] != f.Name,
		fmt.Sprintf("it has the secrets %v, and is to have %v", c.secrets(), secrets):                           !slices.Equal(c.secrets(), secrets),
		"it is not on app_network alone":                                                                        !slices.Equal(c.Networks, []string{"app_network"}),
		"it may write to its image":                                                                             !c.ReadOnly,
		"it keeps capabilities":                                                                                 !slices.Equal(c.CapDrop, []string{"ALL"}),
		"it may gain privileges":                                                                                !slices.Contains(c.SecurityOpt, "no-new-privileges:true"),
		fmt.Sprintf("its mem_limit is %q, and is to be %dm", c.MemLimit, scaling.MemoryBytes()>>20):             c.MemLimit != fmt.Sprintf("%dm", scaling.MemoryBytes()>>20),
		fmt.Sprintf("its GOMEMLIMIT is %q, and is to be %s", c.Environment["GOMEMLIMIT"], scaling.GoMemLimit()): c.Environment["GOMEMLIMIT"] != scaling.GoMemLimit(),
		"it stays away after a crash":                                                                           c.Restart != "unless-stopped",
		"nobody asks whether it is well":                                                                        !slices.Equal(c.Healthcheck.Test, []string{"CMD", "/app", "healthcheck"}),
		"it does not wait for its tables":                                                                       c.DependsOn["migrate"] == nil,
		"it is open to this machine, past the gateway":                                                          len(c.Ports) > 0,
		"it has no settings: merge *environment into its":                                                       c.Environment["AUTH_ISSUER"] == "",
	}
}

func mustCompose(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCompose holds docker-compose.yml to the list of functions.
func TestCompose(t *testing.T) {
	t.Parallel()
	text, list := mustCompose(t), functions.Manifest()
	for _, fault := range composeFaults(t, text, list) {
		t.Error(fault)
	}
	for change, test := range map[string]struct{ from, to, fault string }{
		"a container without a function":   {"\n  product-get:\n", "\n  product-got:\n", "product-got: is in no line of functions.yaml"},
		"a function without a container":   {"\n  product-get:\n", "\n  product-got:\n", "product-get: has no container"},
		"another function's target":        {"FUNCTION_TARGET: product-get}", "FUNCTION_TARGET: order-get}", "product-get: its FUNCTION_TARGET is order-get"},
		"another service's image":          {"  product-get:\n    <<: *product\n", "  product-get:\n    <<: *order\n", "product-get: its image is souk/order"},
		"a secret too many":                {"  user-get:\n    <<: *user\n", "  user-get:\n    <<: *user-auth-signing-keys\n", "user-get: it has the secrets"},
		"mail that a function cannot send": {"  user-notify:\n    <<: *user-smtp-url\n", "  user-notify:\n    <<: *user\n", "user-notify: it has the secrets"},
		"a secret that is missing":         {"  jwks:\n    <<: *user-auth-public-keys\n", "  jwks:\n    <<: *user\n", "jwks: it has the secrets"},
		"another memory":                   {"mem_limit: 256m", "mem_limit: 128m", "product-get: its mem_limit is"},
		"another memory of the Go runtime": {"GOMEMLIMIT: 217MiB", "GOMEMLIMIT: 256MiB", "product-get: its GOMEMLIMIT is"},
		"a port that is open to the world": {`"127.0.0.1:${SOUK_PORT`, `"${SOUK_PORT`, "gateway: port"},
	} {
		t.Run("finds "+change, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(text, test.from, test.to, 1)
			if changed == text {
				t.Fatalf("docker-compose.yml has no %q", test.from)
			}
			if faults := composeFaults(t, changed, list); !slices.ContainsFunc(faults, func(f string) bool { return strings.HasPrefix(f, test.fault) }) {
				t.Errorf("got %v", faults)
			}
		})
	}
}

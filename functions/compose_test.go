package functions_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"souk/emulators/compose"
	"souk/functions"
	"souk/shared/manifest"
)

// container is a service of docker-compose.yml, with its anchors resolved.
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

// secrets returns the folders of secrets that the container mounts, sorted.
func (c container) secrets() []string {
	var folders []string
	for _, node := range c.Volumes {
		var mount struct {
			Source string `yaml:"source"`
			Volume struct {
				Subpath string `yaml:"subpath"`
			} `yaml:"volume"`
		}
		// A volume may also be a string; those of secrets are not.
		if node.Decode(&mount) == nil && mount.Source == "secrets" {
			folders = append(folders, mount.Volume.Subpath)
		}
	}
	slices.Sort(folders)
	return folders
}

// compareCompose returns how docker-compose.yml differs from the manifest.
func compareCompose(t *testing.T, text string, list *manifest.Manifest) (differences []string) {
	t.Helper()
	var file struct {
		Services map[string]container `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		t.Fatal(err)
	}
	report := func(name, format string, args ...any) {
		differences = append(differences, name+": "+fmt.Sprintf(format, args...))
	}
	built := map[string]string{}
	for name, c := range file.Services {
		if service := c.Build.Args["SERVICE"]; service != "" {
			if other, twice := built[service]; twice {
				report(name, "builds the image of %s, as %s does", service, other)
			}
			built[service] = name
		}
		if _, listed := list.Function(name); !listed && (c.Environment["FUNCTION_TARGET"] != "" || slices.Contains(list.Services(), strings.TrimPrefix(c.Image, "souk/"))) {
			report(name, "is missing in functions.yaml")
		}
		for _, port := range c.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				report(name, "port %s is open to other machines", port)
			}
		}
	}
	for _, service := range append(list.Services(), "souk") {
		if built[service] == "" {
			report("souk/"+service, "no container builds this image")
		}
	}
	for _, f := range list.Functions {
		c, listed := file.Services[f.Name]
		if !listed {
			report(f.Name, "has no container")
			continue
		}
		for difference, differs := range c.differences(f, list.ScalingOf(f)) {
			if differs {
				report(f.Name, "%s", difference)
			}
		}
	}
	slices.Sort(differences)
	return differences
}

// differences returns possible differences between a container and its function, and
// whether each is present.
func (c container) differences(f manifest.Function, scaling manifest.Scaling) map[string]bool {
	secrets := []string{f.Name}
	return map[string]bool{
		"its image is " + c.Image + ", not souk/" + f.Service:                                           c.Image != "souk/"+f.Service,
		"its image may come from a registry, where others own that name":                                c.PullPolicy != "never",
		"its FUNCTION_TARGET is " + c.Environment["FUNCTION_TARGET"]:                                    c.Environment["FUNCTION_TARGET"] != f.Name,
		fmt.Sprintf("it has the secrets %v, want %v", c.secrets(), secrets):                             !slices.Equal(c.secrets(), secrets),
		"it is not on app_network alone":                                                                !slices.Equal(c.Networks, []string{"app_network"}),
		"it may write to its image":                                                                     !c.ReadOnly,
		"it has capabilities":                                                                           !slices.Equal(c.CapDrop, []string{"ALL"}),
		"it may gain privileges":                                                                        !slices.Contains(c.SecurityOpt, "no-new-privileges:true"),
		fmt.Sprintf("its mem_limit is %q, want %dm", c.MemLimit, scaling.MemoryBytes()>>20):             c.MemLimit != fmt.Sprintf("%dm", scaling.MemoryBytes()>>20),
		fmt.Sprintf("its GOMEMLIMIT is %q, want %s", c.Environment["GOMEMLIMIT"], scaling.GoMemLimit()): c.Environment["GOMEMLIMIT"] != scaling.GoMemLimit(),
		"it does not restart after a crash":                                                             c.Restart != "unless-stopped",
		"it has no health check":                                                                        !slices.Equal(c.Healthcheck.Test, []string{"CMD", "/app", "healthcheck"}),
		"it does not wait for its migrations":                                                           c.DependsOn["migrate"] == nil,
		"it can be reached past the gateway":                                                            len(c.Ports) > 0,
		"it has no settings: merge *environment into its":                                               c.Environment["AUTH_ISSUER"] == "",
	}
}

func mustReadCompose(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestCompose requires that docker-compose.yml matches the manifest.
func TestCompose(t *testing.T) {
	t.Parallel()
	text, list := mustReadCompose(t), functions.Manifest()
	updated, err := compose.Update([]byte(text), list)
	if err != nil {
		t.Fatal(err)
	}
	if string(updated) != text {
		t.Error("docker-compose.yml is outdated: run `make generate`")
	}
	for _, difference := range compareCompose(t, text, list) {
		t.Error(difference)
	}
	for change, test := range map[string]struct{ from, to, difference string }{
		"a container without a function":   {"\n  product-get:\n", "\n  product-got:\n", "product-got: is missing in functions.yaml"},
		"a function without a container":   {"\n  product-get:\n", "\n  product-got:\n", "product-get: has no container"},
		"another function's target":        {"FUNCTION_TARGET: product-get,", "FUNCTION_TARGET: order-get,", "product-get: its FUNCTION_TARGET is order-get"},
		"another service's image":          {"  product-get:\n    <<: *product\n", "  product-get:\n    <<: *order\n", "product-get: its image is souk/order"},
		"another function's secrets":       {"subpath: user-get}", "subpath: session-create}", "user-get: it has the secrets"},
		"a function without secrets":       {"    volumes: [{<<: *secrets, volume: {subpath: jwks}}]\n", "", "jwks: it has the secrets"},
		"another memory":                   {"mem_limit: 256m", "mem_limit: 128m", "product-create: its mem_limit is"},
		"another memory of the Go runtime": {"GOMEMLIMIT: 217MiB", "GOMEMLIMIT: 256MiB", "product-create: its GOMEMLIMIT is"},
		"a port that is open to the world": {`"127.0.0.1:${SOUK_PORT`, `"${SOUK_PORT`, "gateway: port"},
	} {
		t.Run("it finds "+change, func(t *testing.T) {
			t.Parallel()
			changed := strings.Replace(text, test.from, test.to, 1)
			if changed == text {
				t.Fatalf("docker-compose.yml has no %q", test.from)
			}
			if got := compareCompose(t, changed, list); !slices.ContainsFunc(got, func(d string) bool { return strings.HasPrefix(d, test.difference) }) {
				t.Errorf("got %v, want one that begins with %q", got, test.difference)
			}
		})
	}
}

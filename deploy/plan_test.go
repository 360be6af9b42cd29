package deploy_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// mustStandIn writes a program for the scripts.
func (p project) mustStandIn(t *testing.T, name, script string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
}

// TestPlan has a plan end in each of its ways: 0 is empty, 2 is not, all else an error.
func TestPlan(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		mode       string
		init, plan int
		variables  bool
		ok         bool
		says       string
	}{
		"a change is planned by the state alone":  {"change", 0, 0, true, true, "plan -input=false -no-color -lock=false"},
		"a change that cannot be planned":         {"change", 0, 1, true, false, "the plan failed with 1"},
		"no drift":                                {"drift", 0, 0, true, true, "-detailed-exitcode"},
		"a drift":                                 {"drift", 0, 2, true, false, "terraform-drift: the project differs"},
		"a drift that cannot be planned":          {"drift", 0, 1, true, false, "terraform-drift: the plan failed with 1"},
		"a state that cannot be read":             {"drift", 1, 0, true, false, "terraform-drift: terraform init failed"},
		"variables that are not beside the state": {"drift", 0, 0, false, false, "terraform-drift: there is no copy of the variables"},
		"a mode that is none":                     {"apply", 0, 0, true, false, "say change or drift"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t)
			p.mustStandIn(t, "terraform", fmt.Sprintf(`echo "terraform $*"; [ "$2" = init ] && exit %d; exit %d`, test.init, test.plan))
			if test.variables {
				p.mustChange(t, func(c *cloud) { c.Objects = map[string]string{"gs://souk-test-terraform/env/dev.tfvars": "a = 1\n"} })
			}
			ok, said := p.run(t, "plan", "ARGS="+test.mode, "STATE_BUCKET=souk-test-terraform", "ENVIRONMENT=dev", "SOURCE=/source")
			if ok != test.ok || !strings.Contains(said, test.says) {
				t.Errorf("ended well: %v, and said %s", ok, said)
			}
			if test.mode == "change" && !strings.Contains(said, "-refresh=false") {
				t.Errorf("a proposed file has the project read: %s", said)
			}
			if strings.Contains(said, "terraform -chdir") && !strings.Contains(said, "-chdir=/source/terraform") {
				t.Errorf("it plans other files: %s", said)
			}
		})
	}
}

// TestMySQL holds the settings of the pipeline's MySQL to those that Terraform gives to
// Cloud SQL.
func TestMySQL(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("mysql")
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile("../terraform/sql.tf")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?s)database_flags = \{(.*?)\n  \}`).FindSubmatch(module)
	if list == nil {
		t.Fatal("terraform/sql.tf has no database_flags")
	}
	// Cloud SQL's own, its size, and its logs.
	others := []string{"cloudsql_iam_authentication", "max_connections", "innodb_print_all_deadlocks", "slow_query_log", "long_query_time", "log_output"}
	found := 0
	for _, flag := range regexp.MustCompile(`(?m)^    ([a-z_]+) += "?([^"\n]+)`).FindAllSubmatch(list[1], -1) {
		name, value := string(flag[1]), string(flag[2])
		if slices.Contains(others, name) {
			continue
		}
		found++
		if want := "--" + strings.ReplaceAll(name, "_", "-") + "=" + value; !regexp.MustCompile(regexp.QuoteMeta(want) + `[\s)]`).Match(script) {
			t.Errorf("deploy/mysql has no %s", want)
		}
	}
	if found < 5 {
		t.Errorf("found %d flags only", found)
	}
	t.Run("starts a server and waits for it", func(t *testing.T) {
		t.Parallel()
		for network, want := range map[string]string{"": "mysql://root:souk@127.0.0.1:33084/\n", "cloudbuild": "mysql://root:souk@souk-mysql:3306/\n"} {
			p := mustProject(t)
			if err := os.Remove(filepath.Join(p.dir, "docker")); err != nil {
				t.Fatal(err)
			}
			// The server responds when it is asked for the third time.
			p.mustStandIn(t, "docker", `echo "docker $*" >>"$TMPDIR/calls"; [ "$1" != exec ] || [ "$(grep -c "^docker exec" "$TMPDIR/calls")" -ge 3 ]`)
			ok, said := p.run(t, "mysql", "NETWORK="+network)
			calls, err := os.ReadFile(filepath.Join(p.dir, "calls"))
			if err != nil || !ok || !strings.HasSuffix(said, want) || strings.Count(string(calls), "docker exec") != 3 || !strings.Contains(string(calls), "--partial-revokes=ON") {
				t.Errorf("ended well: %v, said %s, called %s, %v", ok, said, calls, err)
			}
		}
	})
}

// TestVulncheck runs the script with a stand-in for Go.
func TestVulncheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		script string
		ok     bool
	}{
		"nothing is found":        {`exit 0`, true},
		"govulncheck fails":       {`[ "$1" != tool ]`, false},
		"what is found must stop": {`[ "$1" != run ]`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mustProject(t)
			p.mustStandIn(t, "go", test.script)
			if ok, said := p.run(t, "vulncheck"); ok != test.ok {
				t.Errorf("ended well: %v, and said %s", ok, said)
			}
		})
	}
}

package deploy_test

import (
	"fmt"
	"strings"
	"testing"
)

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
			p.mustWriteStandIn(t, "terraform", fmt.Sprintf(`echo "terraform $*"; [ "$2" = init ] && exit %d; exit %d`, test.init, test.plan))
			if test.variables {
				p.mustChange(t, func(c *cloud) { c.Objects = map[string]string{"gs://souk-test-terraform/env/tiny.tfvars": "a = 1\n"} })
			}
			ok, said := p.run(t, "plan", "ARGS="+test.mode, "STATE_BUCKET=souk-test-terraform", "VARIABLES=env/tiny.tfvars", "SOURCE=/source")
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

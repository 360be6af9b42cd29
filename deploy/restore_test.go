package deploy_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
)

const connection = "INSTANCE_CONNECTION_NAME=souk-test:europe-west1:souk-2"

// TestRestore clones, checks and switches over.
func TestRestore(t *testing.T) {
	t.Parallel()
	p := mustProject(t)
	p.mustChange(t, func(c *cloud) { c.Jobs["migrate"] = "r/souk@sha256:serving" })
	for _, args := range []string{"clone 2027-01-15T09:41:00Z", "check", "switch"} {
		if ok, output := p.run(t, "restore", "INSTANCE=souk", "NEW=souk-2", "ARGS="+args); !ok {
			t.Fatalf("restore %s: %s", args, output)
		}
	}
	c := p.mustRead(t)
	position := func(begin, contains string) int {
		i := slices.IndexFunc(c.Calls, func(call string) bool {
			return strings.HasPrefix(call, begin) && strings.Contains(call, contains)
		})
		if i < 0 {
			t.Errorf("gcloud was not called: %s … %s", begin, contains)
		}
		return i
	}
	position("sql instances clone souk souk-2", "--point-in-time=2027-01-15T09:41:00Z")
	audited := position("run jobs execute migrate", "--update-env-vars="+connection)
	stopped := position("sql instances patch souk ", "--activation-policy=NEVER")
	if audited > stopped {
		t.Error("the damaged instance is stopped before the restored one is audited")
	}
	for _, name := range all {
		deployed := position("run deploy "+name+" ", "--image="+image(name, "serving"))
		if deployed < stopped || !strings.Contains(c.Calls[max(deployed, 0)], connection) {
			t.Errorf("%s does not use the restored instance after the stop: %q", name, c.Calls[max(deployed, 0)])
		}
	}
	p.mustServe(t, func(string) string { return "new" })
}

// TestRestoreOwnInstance switches one service's instance, and leaves the others alone.
func TestRestoreOwnInstance(t *testing.T) {
	t.Parallel()
	for instance, want := range map[string][]string{
		"souk-order": {"order-http", "order-push"},
		"souk":       {"product-http", "product-push", "user-http", "user-push"},
	} {
		p := mustProject(t)
		if ok, output := p.run(t, "restore", "INSTANCE="+instance, "NEW="+instance+"-2", "OWN=order", "ARGS=switch"); !ok {
			t.Fatalf("%s: %s", instance, output)
		}
		var deployed []string
		for _, call := range p.mustRead(t).Calls {
			if rest, is := strings.CutPrefix(call, "run deploy "); is {
				name, _, _ := strings.Cut(rest, " ")
				deployed = append(deployed, name)
			}
		}
		if slices.Sort(deployed); !slices.Equal(deployed, want) {
			t.Errorf("%s: %q were switched, want %q", instance, deployed, want)
		}
	}
}

// TestRestoreStop stops an instance before any function is switched, unless it is gone.
func TestRestoreStop(t *testing.T) {
	t.Parallel()
	for gone, want := range map[string]bool{"": false, "souk": true} {
		p := mustProject(t)
		p.mustChange(t, func(c *cloud) { c.Failing, c.GoneInstance = "sql instances patch", gone })
		ok, output := p.run(t, "restore", "INSTANCE=souk", "NEW=souk-2", "ARGS=switch")
		deployed := slices.ContainsFunc(p.mustRead(t).Calls, func(call string) bool { return strings.HasPrefix(call, "run deploy ") })
		if ok != want || deployed != want {
			t.Errorf("an instance that cannot be stopped (gone: %q): the switch ended well: %v, functions were switched: %v; want %v\n%s", gone, ok, deployed, want, output)
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	for args, test := range map[string]struct{ instance, new, failing, want string }{
		"clone yesterday":             {new: "souk-2", want: "the time is UTC"},
		"clone  2027-01-15T09:41:00Z": {new: "souk-2,X=y", want: "NEW is \"souk-2,X=y\""},
		"check  ":                     {instance: "souk-ordr", new: "souk-2", want: "INSTANCE is \"souk-ordr\""},
		"switch":                      {new: "souk-2", failing: "sql instances", want: "souk could not be stopped"},
		"clone 2027-01-15T09:41:00Z":  {new: "souk", want: "NEW must be another name"},
		"check":                       {new: "souk-2", failing: "run jobs execute", want: "souk audit has findings"},
		"undo":                        {new: "souk-2", want: "expected clone TIME, check or switch"},
	} {
		p := mustProject(t)
		p.mustChange(t, func(c *cloud) {
			c.Failing, c.Jobs["migrate"] = test.failing, "r/souk@sha256:serving"
		})
		if ok, output := p.run(t, "restore", "INSTANCE="+cmp.Or(test.instance, "souk"), "NEW="+test.new, "ARGS="+args); ok || !strings.Contains(output, test.want) {
			t.Errorf("restore %s: want %q, got %s", args, test.want, output)
		}
		p.mustServe(t, old)
	}
}

package deploy_test

import (
	"cmp"
	"slices"
	"strings"
	"testing"
)

// mustRestorable is a project without a rollout under way, whose job migrate may be started.
// The services of own have an instance of their own.
func mustRestorable(t *testing.T, own ...string) project {
	t.Helper()
	p := mustProject(t)
	p.mustChange(t, func(c *cloud) {
		c.Builds, c.Jobs["migrate"] = nil, "r/souk@sha256:serving"
		for _, service := range own {
			c.JobEnv[strings.ToUpper(service)+"_INSTANCE_CONNECTION_NAME"] = onInstance("souk-" + service)
			for _, kind := range []string{"-http", "-push"} {
				c.Services[service+kind].Env["INSTANCE_CONNECTION_NAME"] = onInstance("souk-" + service)
			}
		}
	})
	return p
}

// deployed returns the Cloud Run services that got another revision, sorted.
func deployed(c *cloud) (names []string) {
	for _, call := range c.Calls {
		if rest, is := strings.CutPrefix(call, "run deploy "); is {
			name, _, _ := strings.Cut(rest, " ")
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// TestRestore clones, checks and switches over.
func TestRestore(t *testing.T) {
	t.Parallel()
	p := mustRestorable(t)
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
	connection := "INSTANCE_CONNECTION_NAME=" + onInstance("souk-2")
	audited := position("run jobs execute migrate", "--update-env-vars="+connection)
	stopped := position("sql instances patch souk ", "--activation-policy=NEVER")
	if audited > stopped {
		t.Error("the damaged instance is stopped before the restored one is audited")
	}
	for _, name := range all {
		at := position("run deploy "+name+" ", "--image="+image(name, "serving"))
		if at < stopped || !strings.Contains(c.Calls[max(at, 0)], connection) {
			t.Errorf("%s does not use the restored instance after the stop: %q", name, c.Calls[max(at, 0)])
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
		p := mustRestorable(t, "order")
		for _, args := range []string{"check", "switch"} {
			ok, output := p.run(t, "restore", "INSTANCE="+instance, "NEW="+instance+"-2", "ARGS="+args)
			if !ok || args == "switch" && !strings.Contains(output, `restored_instances = { `+instance+` = "`+instance+`-2" }`) {
				t.Fatalf("%s %s: %s", args, instance, output)
			}
		}
		c := p.mustRead(t)
		if got := deployed(c); !slices.Equal(got, want) {
			t.Errorf("%s: %q were switched, want %q", instance, got, want)
		}
		variable := map[string]string{"souk-order": "ORDER_INSTANCE_CONNECTION_NAME", "souk": "INSTANCE_CONNECTION_NAME"}[instance]
		if !slices.ContainsFunc(c.Calls, func(call string) bool {
			return strings.HasPrefix(call, "run jobs execute migrate") && strings.Contains(call, "="+variable+"="+onInstance(instance+"-2"))
		}) {
			t.Errorf("%s: the audit does not read it as %s: %q", instance, variable, c.Calls)
		}
	}
}

// TestRestoreTwice restores an instance that took the place of another.
func TestRestoreTwice(t *testing.T) {
	t.Parallel()
	p := mustRestorable(t)
	if ok, output := p.run(t, "restore", "INSTANCE=souk", "NEW=souk-2", "ARGS=switch"); !ok {
		t.Fatal(output)
	}
	p.mustChange(t, func(c *cloud) { c.JobEnv["INSTANCE_CONNECTION_NAME"], c.Calls = onInstance("souk-2"), nil }) // terraform apply
	for _, args := range []string{"check", "switch"} {
		ok, output := p.run(t, "restore", "INSTANCE=souk-2", "NEW=souk-3", "ARGS="+args)
		if !ok || args == "switch" && !strings.Contains(output, `restored_instances = { souk = "souk-3" }`) {
			t.Fatalf("%s: %s", args, output)
		}
	}
	want := slices.Sorted(slices.Values(all))
	if got := deployed(p.mustRead(t)); !slices.Equal(got, want) {
		t.Errorf("%q were switched, want %q", got, want)
	}
}

// TestRestoreDuringRollout refuses to switch while a rollout would shift requests back, and
// switches with a warning when Cloud Build cannot be read.
func TestRestoreDuringRollout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		builds  []string
		failing string
		ok      bool
		says    string
	}{
		"a rollout is under way":      {[]string{"b7"}, "", false, "gcloud builds cancel b7 --region=europe-west1"},
		"Cloud Build cannot be read":  {nil, "builds list", true, "WARNING: cannot see whether a rollout is under way"},
		"a service cannot be read":    {nil, "services describe user-push", false, "Nothing was switched"},
		"services cannot be listed":   {nil, "run services list", false, "cannot be listed"},
		"the job migrate is not read": {nil, "jobs describe", false, "the job migrate cannot be read"},
	} {
		p := mustRestorable(t)
		p.mustChange(t, func(c *cloud) { c.Builds, c.Failing = test.builds, test.failing })
		ok, output := p.run(t, "restore", "INSTANCE=souk", "NEW=souk-2", "ARGS=switch")
		stopped := slices.ContainsFunc(p.mustRead(t).Calls, func(call string) bool { return strings.HasPrefix(call, "sql instances patch") })
		if ok != test.ok || stopped != test.ok || !strings.Contains(output, test.says) {
			t.Errorf("%s: ended well: %v, stopped the instance: %v, and said %s", name, ok, stopped, output)
		}
	}
}

// TestRestoreStop stops an instance before any function is switched, unless it is gone.
func TestRestoreStop(t *testing.T) {
	t.Parallel()
	for gone, want := range map[string]bool{"": false, "souk": true} {
		p := mustRestorable(t)
		p.mustChange(t, func(c *cloud) { c.Failing, c.GoneInstance = "sql instances patch", gone })
		ok, output := p.run(t, "restore", "INSTANCE=souk", "NEW=souk-2", "ARGS=switch")
		switched := len(deployed(p.mustRead(t))) > 0
		if ok != want || switched != want {
			t.Errorf("an instance that cannot be stopped (gone: %q): the switch ended well: %v, functions were switched: %v; want %v\n%s", gone, ok, switched, want, output)
		}
	}
}

func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	for args, test := range map[string]struct{ instance, new, failing, want string }{
		"clone yesterday":              {new: "souk-2", want: "the time is UTC"},
		"clone  2027-01-15T09:41:00Z":  {new: "souk-2,X=y", want: "NEW is \"souk-2,X=y\""},
		"check  ":                      {instance: "souk-ordr", new: "souk-2", want: "INSTANCE is \"souk-ordr\""},
		"switch ":                      {instance: "souk-ordr", new: "souk-2", want: "INSTANCE is \"souk-ordr\""},
		"clone   2027-01-15T09:41:00Z": {instance: "souk|x", new: "souk-2", want: "INSTANCE is \"souk|x\""},
		"switch":                       {new: "souk-2", failing: "sql instances", want: "souk could not be stopped"},
		"clone 2027-01-15T09:41:00Z":   {new: "souk", want: "NEW must be another name"},
		"check":                        {new: "souk-2", failing: "run jobs execute", want: "souk audit has findings"},
		"undo":                         {new: "souk-2", want: "expected clone TIME, check or switch"},
	} {
		p := mustRestorable(t)
		p.mustChange(t, func(c *cloud) { c.Failing = test.failing })
		if ok, output := p.run(t, "restore", "INSTANCE="+cmp.Or(test.instance, "souk"), "NEW="+test.new, "ARGS="+args); ok || !strings.Contains(output, test.want) {
			t.Errorf("restore %s: want %q, got %s", args, test.want, output)
		}
		p.mustServe(t, old)
	}
}

package gcloudtest_test

import (
	"strings"
	"testing"

	"souk/deploy/gcloudtest"
)

// TestFault plants faults.
func TestFault(t *testing.T) {
	t.Parallel()
	gcloud := gcloudtest.Installed(t)
	for args, want := range map[string]string{
		"run deploy shop --image=x --no-traffic --region=y":  "",
		"secrets versions add KEY --data-file=-":             "",
		"run deplyo shop --image=x":                          "no such command",
		"run":                                                "no such command",
		"run deploy shop --imagee=x":                         "no flag --imagee",
		"run deploy shop --image":                            "with = and a value",
		"run jobs execute migrate --wait=yes":                "with = and a value",
		"run deploy shop --ingress=everybody":                "--ingress is one of",
		"run services update-traffic shop --to-revision=a=1": "no flag --to-revision",
	} {
		if got := gcloud.Fault(strings.Fields(args)); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("gcloud %s: got %q, want %q", args, got, want)
		}
	}
}

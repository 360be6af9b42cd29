package deploy_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestMySQL holds the settings of the pipeline's MySQL to those that Terraform gives to
// Cloud SQL.
func TestMySQL(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("mysql")
	if err != nil {
		t.Fatal(err)
	}
	module, err := os.ReadFile("../terraform/cloud_sql.tf")
	if err != nil {
		t.Fatal(err)
	}
	list := regexp.MustCompile(`(?s)database_flags = \{(.*?)\n  \}`).FindSubmatch(module)
	if list == nil {
		t.Fatal("terraform/cloud_sql.tf has no database_flags")
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
			p.mustWriteStandIn(t, "docker", `echo "docker $*" >>"$TMPDIR/calls"; [ "$1" != exec ] || [ "$(grep -c "^docker exec" "$TMPDIR/calls")" -ge 3 ]`)
			ok, said := p.run(t, "mysql", "NETWORK="+network)
			calls, err := os.ReadFile(filepath.Join(p.dir, "calls"))
			if err != nil || !ok || !strings.HasSuffix(said, want) || strings.Count(string(calls), "docker exec") != 3 || !strings.Contains(string(calls), "--partial-revokes=ON") {
				t.Errorf("ended well: %v, said %s, called %s, %v", ok, said, calls, err)
			}
		}
	})
}

package terraform_test

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// mustBlocks returns the blocks of a kind in a file of Terraform's.
func mustBlocks(t *testing.T, path, kind string) []*hclsyntax.Block {
	t.Helper()
	file, problems := hclparse.NewParser().ParseHCLFile(path)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	body, _ := file.Body.(*hclsyntax.Body)
	return slices.DeleteFunc(slices.Clone(body.Blocks), func(b *hclsyntax.Block) bool { return b.Type != kind })
}

// mustCountRefusals counts the runs of `terraform test` that expect a variable to be
// refused, by its name.
func mustCountRefusals(t *testing.T) map[string]int {
	t.Helper()
	files, err := filepath.Glob("tests/*.tftest.hcl")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no tests: %v", err)
	}
	count := map[string]int{}
	for _, file := range files {
		for _, run := range mustBlocks(t, file, "run") {
			expected, there := run.Body.Attributes["expect_failures"]
			if !there {
				continue
			}
			list, problems := hcl.ExprList(expected.Expr)
			if problems.HasErrors() {
				t.Fatal(problems)
			}
			for _, expression := range list {
				path, problems := hcl.AbsTraversalForExpr(expression)
				if problems.HasErrors() {
					t.Fatal(problems)
				}
				if attribute, is := path[len(path)-1].(hcl.TraverseAttr); is && path.RootName() == "var" {
					count[attribute.Name]++
				}
			}
		}
	}
	return count
}

// TestEveryValidationHasACase requires a refused value of each variable for each of its
// validations.
func TestEveryValidationHasACase(t *testing.T) {
	t.Parallel()
	refused, validated := mustCountRefusals(t), 0
	for _, variable := range mustBlocks(t, "variables.tf", "variable") {
		name, want := variable.Labels[0], 0
		for _, block := range variable.Body.Blocks {
			if block.Type == "validation" {
				want++
			}
		}
		validated += want
		if refused[name] < want {
			t.Errorf("%s has %d validations, and tests/*.tftest.hcl a refused value for %d: add one each", name, want, refused[name])
		}
	}
	if validated < 40 {
		t.Errorf("found %d validations only", validated)
	}
}

// TestVariablesFile holds the name by which the pipeline reads the variables to that by
// which docs/deploy.md copies them: the file's own.
func TestVariablesFile(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Glob("env/*.tfvars.example")
	if err != nil || len(examples) < 3 {
		t.Fatalf("the examples are %q: %v", examples, err)
	}
	for _, example := range examples {
		text := mustRead(t, example)
		read := strings.Join(all(`(?m)^variables_file *= "(.+)"`, text), "")
		if read == "" {
			read = "env/" + strings.Join(all(`(?m)^environment *= "(.+?)"`, text), "") + ".tfvars"
		}
		if want := strings.TrimSuffix(example, ".example"); read != want {
			t.Errorf("the pipeline reads %s for a shop of %s: set variables_file", read, want)
		}
	}
	if page := mustRead(t, deployPage); !regexp.MustCompile(`(?m)^VARS=env/\$ENVIRONMENT\.tfvars$`).MatchString(page) ||
		!strings.Contains(page, `gcloud storage cp "terraform/$VARS" "gs://$BUCKET/$VARS"`) {
		t.Error("docs/deploy.md copies the variables by another name")
	}
}

// TestVerifyRows requires a mark at each row of deploy.md's last table that a tiny shop has
// no resource for.
func TestVerifyRows(t *testing.T) {
	t.Parallel()
	_, table, found := strings.Cut(mustRead(t, deployPage), "\n## Verify on the first apply\n")
	table, _, _ = strings.Cut(table, "\n## ")
	if rows := strings.Count(table, "\n| "); !found || rows < 30 {
		t.Fatalf("the table has %d rows", rows)
	}
	tiny := mustPlanOf(t, "tiny")
	for kind, pattern := range map[string]string{
		"google_compute_security_policy": `security-policies`,
		"google_compute_backend_service": `CDN|load balancer|content-encoding|Authorization: Bearer x|admin_iap_members`,
		"google_workflows_workflow":      `(?i)\bexports?\b`,
	} {
		if len(tiny.of(kind)) > 0 {
			t.Errorf("a tiny shop has %s", kind)
		}
		for row := range strings.Lines(table) {
			if strings.HasPrefix(row, "| ") && regexp.MustCompile(pattern).MatchString(row) && !strings.HasPrefix(row, "| *Standard:* ") {
				t.Errorf("a tiny shop has no %s: begin this row with *Standard:*: %s", kind, row)
			}
		}
	}
}

// TestLineLength holds lines to a length at which two files fit on a screen.
func TestLineLength(t *testing.T) {
	t.Parallel()
	const longest = 120
	var files []string
	for _, pattern := range []string{"*.tf", "bootstrap/*.tf"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(found), err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		for i, line := range strings.Split(mustRead(t, file), "\n") {
			if n := utf8.RuneCountInString(line); n > longest {
				t.Errorf("%s:%d has %d columns, not %d", file, i+1, n, longest)
			}
		}
	}
}

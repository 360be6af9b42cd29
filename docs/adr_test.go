package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const maxDecisionLines = 50

var (
	decisionName  = regexp.MustCompile(`^(\d{4})-[a-z0-9-]+\.md$`)
	decisionTitle = regexp.MustCompile(`^# (\d{4}): (\S.*\S)$`)
	// statusLine is followed by other decisions that this one changes or is changed by.
	statusLine = regexp.MustCompile(`^Status: (accepted|proposed|superseded by \[\d{4}\]\(\d{4}-[a-z0-9-]+\.md\))\. Date: 20\d\d-[01]\d-[0-3]\d\.( |$)`)
	// outside matches references to what a reader of the repository does not have.
	outside = regexp.MustCompile(`(?i)\b(the|this|our) (design|guide|brief|issue|ticket|reviewers?)\b|\bissue \d|(^|\s)#\d|\bas (asked|requested) for\b`)
)

// TestDecisions holds every decision to the form that adr/README.md describes, and
// the table there to the files.
func TestDecisions(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("adr/[0-9]*.md")
	if err != nil || len(paths) < 30 {
		t.Fatalf("found %d decisions, error %v", len(paths), err)
	}
	readme := readFile(t, "adr/README.md")
	if strings.Count(readme, "\n| [") != len(paths) {
		t.Errorf("adr/README.md lists %d decisions of %d", strings.Count(readme, "\n| ["), len(paths))
	}
	numbers := map[string]bool{}
	for _, path := range paths {
		name := filepath.Base(path)
		for _, problem := range decisionProblems(name, readFile(t, path), readme) {
			t.Errorf("%s: %s", path, problem)
		}
		if numbers[name[:4]] {
			t.Errorf("%s: another decision has the number %s", path, name[:4])
		}
		numbers[name[:4]] = true
	}
}

// decisionProblems returns what is wrong with a decision's text or its line in the README.
func decisionProblems(name, text, readme string) []string {
	number := decisionName.FindStringSubmatch(name)
	if number == nil {
		return []string{"the file's name is not NNNN-words.md"}
	}
	var problems []string
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	title := decisionTitle.FindStringSubmatch(lines[0])
	if title == nil || title[1] != number[1] {
		problems = append(problems, fmt.Sprintf("the first line is not `# %s: TITLE`", number[1]))
	} else if row := fmt.Sprintf("\n| [%s](%s) | %s |\n", number[1], name, title[2]); !strings.Contains(readme, row) {
		problems = append(problems, "adr/README.md has no line "+strings.TrimSpace(row))
	}
	if len(lines) < 3 || lines[1] != "" || !statusLine.MatchString(lines[2]) {
		problems = append(problems, "the third line has no `Status: accepted. Date: YYYY-MM-DD.`")
	}
	for _, heading := range []string{"## Context", "## Decision", "## Consequences"} {
		if !slices.Contains(lines, heading) {
			problems = append(problems, "it has no heading "+heading)
		}
	}
	if len(lines) > maxDecisionLines {
		problems = append(problems, fmt.Sprintf("it has %d lines, more than %d", len(lines), maxDecisionLines))
	}
	if found := outside.FindString(strings.Join(strings.Fields(text[len(lines[0]):]), " ")); found != "" {
		problems = append(problems, fmt.Sprintf("%q refers to something outside the repository", found))
	}
	return problems
}

// TestDecisionProblems plants each problem in a decision without any.
func TestDecisionProblems(t *testing.T) {
	t.Parallel()
	const (
		name   = "0007-sums.md"
		readme = "| | decision |\n|---|---|\n| [0007](0007-sums.md) | Sums of integers |\n"
		good   = "# 0007: Sums of integers\n\nStatus: accepted. Date: 2026-11-22. Extends 0001.\n\n" +
			"## Context\n\nThe shop's sessions (#a).\n\n## Decision\n\n## Consequences\n"
	)
	if problems := decisionProblems(name, good, readme); len(problems) > 0 {
		t.Fatalf("a good decision has problems: %q", problems)
	}
	for want, text := range map[string]string{
		"first line":     strings.Replace(good, "0007", "0008", 1),
		"no line":        strings.Replace(good, "integers", "floats", 1),
		"third line":     strings.Replace(good, "Status: accepted. ", "", 1),
		"has no `Status": strings.Replace(good, " Date: 2026-11-22.", "", 1),
		"no heading":     strings.Replace(good, "## Context", "## Reasons", 1),
		"lines":          good + strings.Repeat("More.\n", maxDecisionLines),
		"the design":     good + "As the\ndesign has it.\n",
		"issue 1":        good + "See issue 11.\n",
		"#1":             good + "See #11.\n",
		"the guide":      good + "The guide requires it.\n",
	} {
		problems := strings.ToLower(strings.Join(decisionProblems(name, text, readme), "\n"))
		if !strings.Contains(problems, strings.ToLower(want)) {
			t.Errorf("planted %q, found %q", want, problems)
		}
	}
	if problems := decisionProblems("7-sums.md", good, readme); len(problems) != 1 {
		t.Errorf("planted a wrong name, found %q", problems)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

package docs_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// minSentence is how many words make the name of a subtest a sentence.
const minSentence = 3

var subtestName = regexp.MustCompile(`\b[tb]\.Run\("([^"]*)",`)

// TestTests holds all tests to the rules of style.md.
func TestTests(t *testing.T) {
	t.Parallel()
	subtests := 0
	for name, text := range trackedFiles(t) {
		if !strings.HasSuffix(name, "_test.go") || strings.HasPrefix(name, "docs/") {
			continue
		}
		subtests += len(subtestName.FindAllString(text, -1))
		for _, problem := range testProblems(text) {
			t.Errorf("%s:%s", name, problem)
		}
	}
	if subtests < 500 {
		t.Errorf("only %d subtests were found", subtests)
	}
}

// testProblems returns what breaks the rules in a file of tests, with its line: names of
// subtests that are no sentences, and comparisons without go-cmp.
func testProblems(text string) []string {
	var problems []string
	for n, line := range strings.Split(text, "\n") {
		if found := subtestName.FindStringSubmatch(line); found != nil && !isSentence(found[1]) {
			problems = append(problems, fmt.Sprintf("%d: the name of the subtest %q is not a sentence", n+1, found[1]))
		}
		if strings.Contains(line, "reflect."+"DeepEqual(") {
			problems = append(problems, fmt.Sprintf("%d: compare by cmp.Diff", n+1))
		}
	}
	return problems
}

// isSentence reports whether a name can be one: it has a few words, and does not begin
// in the middle of a sentence.
func isSentence(name string) bool {
	words := strings.Fields(name)
	return len(words) >= minSentence &&
		(strings.Contains(name, ",") || !slices.Contains([]string{"of", "by", "with", "without", "before", "to"}, words[0]))
}

func TestTestProblems(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		`t.Run("the stock is reserved once", func(`:          0,
		`t.Run("without a replica, the primary is read", f(`: 0,
		`t.Run("refuses "+name, func(`:                       0,
		`b.Run("too long", func(`:                            1,
		`t.Run("of another topic", func(`:                    1,
		"if !reflect." + `DeepEqual(got, want) {`:            1,
		`if diff := cmp.Diff(want, got); diff != "" {`:       0,
	} {
		if got := testProblems(text); len(got) != want {
			t.Errorf("%s: found %q, want %d", text, got, want)
		}
	}
}

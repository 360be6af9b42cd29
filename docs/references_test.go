package docs_test

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestReferences checks what the documentation and all comments refer to: tests, files,
// folders, links, targets of make, identifiers and environment variables.
func TestReferences(t *testing.T) {
	t.Parallel()
	repo := newRepository(trackedFiles(t))
	for name := range repo.files {
		if name == "docs/repository_test.go" {
			continue // It plants references that lead nowhere.
		}
		for _, problem := range repo.check(name) {
			t.Error(problem)
		}
	}
	if repo.checked < 1200 {
		t.Errorf("only %d references were found", repo.checked)
	}
}

// elsewhere lists names in the documentation that are declared by others: names of
// Google's clients and libraries, values they return, and files that programs write.
var elsewhere = []string{
	// Files that souk and terraform write, and placeholders.
	".souk/", "bin/souk", "mysql/", "identity/", "secrets.json", "pubsub/journal.jsonl",
	"terraform/env/dev.tfvars",
	// Libraries.
	"functions.CloudEvent", "RemoteKeySet", "cloud.google.com/go/cloudsqlconn", "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb",
	"database/sql", "encoding/json/v2", "go-json-experiment/json",
	// Names that are built from a service's.
	"PRODUCT_DATABASE_URL", "ORDER_DATABASE_URL", "USER_DATABASE_URL", "souk_user",
	// Values of Google's APIs and of MySQL.
	"PermissionDenied", "PERMISSION_DENIED", "logging.googleapis.com/trace", "W/", "caching_sha2_password",
	// Examples in style.md.
	"pagination.go", "lockedRows",
}

var (
	fencedBlock = regexp.MustCompile("(?s)```.*?```")
	codeSpan    = regexp.MustCompile("`([^`\n]+(?:\n[^`\n]+)?)`")
	link        = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	comment     = regexp.MustCompile(`(?:^|\s)(?://|#|--) (.*)`)
	heading     = regexp.MustCompile(`(?m)^#+ (.*)$`)

	testName    = regexp.MustCompile(`^((?:Test|Benchmark|Fuzz)[A-Z]\w*)(…?)$`)
	testInText  = regexp.MustCompile(`\b(?:Test|Benchmark|Fuzz)[A-Z]\w+`)
	pathInText  = regexp.MustCompile(`(?:^|[\s(,"])((?:functions|shared|emulators|cmd|terraform|deploy|docs|e2e|tools)/[\w./*-]*\w)`)
	pathPattern = regexp.MustCompile(`^[\w.{},*-]+(/[\w.{},*-]+)*/?$`)
	// placeholder is a path with a part to fill in, such as SERVICE.
	placeholder     = regexp.MustCompile(`/[A-Z]{4,}(/|_words|\.schema\.json|$)`)
	fileSuffix      = regexp.MustCompile(`\.(go|md|ya?ml|tf|json|sh|sql|html|hcl|toml|js|css)$`)
	makeTarget      = regexp.MustCompile(`^make ([a-z][\w-]*)`)
	identifier      = regexp.MustCompile(`^([A-Za-z]+[a-z0-9][A-Z]\w*|[a-z]+(_[a-z0-9]+)+|[A-Z][A-Z0-9]*(_[A-Z0-9]+)+)(\(\))?$`)
	qualified       = regexp.MustCompile(`^([a-z]\w*)\.([A-Z]\w*)(\.\w+)?(\(.*\))?$`)
	subtestQuote    = regexp.MustCompile("`Test\\w+`,\\s\"([^\"]+)\"")
	qualifiedInText = regexp.MustCompile(`\(([a-z]\w*\.[A-Z]\w*)\)`)
	namesAndPath    = regexp.MustCompile("((?:`[A-Za-z*][^`\\s]*`(?:,|,? and)?\\s+)+)(?:\\(|in\\s+)`([\\w./{},*-]+)`")
)

// check returns the references of a file that lead nowhere, with their lines.
func (r *repository) check(name string) []string {
	if path.Ext(name) == ".md" {
		return r.checkMarkdown(name)
	}
	var problems []string
	for n, line := range strings.Split(r.files[name], "\n") {
		if found := comment.FindStringSubmatch(line); found != nil {
			for _, problem := range r.checkComment(found[1]) {
				problems = append(problems, fmt.Sprintf("%s:%d: %s", name, n+1, problem))
			}
		}
	}
	return problems
}

func (r *repository) checkMarkdown(name string) (problems []string) {
	text, folder := r.files[name], path.Dir(name)
	if strings.Contains(text, "\nStatus: superseded by ") {
		return nil // It describes code that is gone.
	}
	text = fencedBlock.ReplaceAllStringFunc(text, func(block string) string { return strings.Repeat("\n", strings.Count(block, "\n")) })
	checkAll := func(pattern *regexp.Regexp, check func(groups []string) string) {
		for _, at := range pattern.FindAllStringSubmatchIndex(text, -1) {
			var groups []string
			for i := 2; i < len(at); i += 2 {
				groups = append(groups, strings.Join(strings.Fields(text[at[i]:at[i+1]]), " "))
			}
			if problem := check(groups); problem != "" {
				problems = append(problems, fmt.Sprintf("%s:%d: %s", name, 1+strings.Count(text[:at[0]], "\n"), problem))
			}
		}
	}
	checkAll(codeSpan, func(groups []string) string { return r.checkSpan(folder, groups[0]) })
	checkAll(namesAndPath, func(groups []string) string { return r.checkPairs(folder, groups[0], groups[1]) })
	checkAll(link, func(groups []string) string { return r.checkLink(name, groups[0]) })
	checkAll(subtestQuote, func(groups []string) string {
		if !r.hasSubtest(groups[0]) {
			return fmt.Sprintf("there is no subtest %q", groups[0])
		}
		return ""
	})
	return problems
}

// checkComment returns the tests and paths in a comment that are missing.
func (r *repository) checkComment(text string) []string {
	var problems []string
	for _, test := range testInText.FindAllString(text, -1) {
		if r.checked++; !r.hasTest(test, true) {
			problems = append(problems, test+": there is no such test")
		}
	}
	for _, found := range qualifiedInText.FindAllStringSubmatch(text, -1) {
		if problem := r.checkSpan(".", found[1]); problem != "" {
			problems = append(problems, problem)
		}
	}
	for _, found := range pathInText.FindAllStringSubmatch(text, -1) {
		// A comment may name a decision by its number alone.
		if r.checked++; !r.exists(".", found[1]) && !r.exists(".", found[1]+"-*") {
			problems = append(problems, found[1]+": there is no such file or folder")
		}
	}
	return problems
}

// checkSpan returns what is wrong with the text between two backticks, "" if it is
// right or no reference. Paths are relative to the repository or to the folder.
func (r *repository) checkSpan(folder, span string) string {
	if placeholder.MatchString(span) || slices.ContainsFunc(elsewhere, func(e string) bool {
		return span == e || strings.HasSuffix(e, "/") && strings.HasPrefix(span, e)
	}) {
		return ""
	}
	r.checked++
	switch {
	case testName.MatchString(span):
		name := testName.FindStringSubmatch(span)
		if !r.hasTest(name[1], name[2] != "") {
			return "there is no test " + span
		}
	case makeTarget.MatchString(span):
		if !r.targets[makeTarget.FindStringSubmatch(span)[1]] {
			return "the Makefile has no target of " + span
		}
	case strings.HasPrefix(span, "roles/"):
	case pathPattern.MatchString(span) && (strings.Contains(span, "/") || fileSuffix.MatchString(span)):
		for _, alternative := range expandBraces(span) {
			if !r.exists(folder, alternative) {
				return "there is no file or folder " + alternative
			}
		}
	case identifier.MatchString(span):
		if !r.words[strings.TrimPrefix(strings.TrimSuffix(span, "()"), "TF_VAR_")] {
			return "no file but documentation has the name " + span
		}
	case qualified.MatchString(span):
		name := qualified.FindStringSubmatch(span)
		if p := r.packages[name[1]]; p != nil && !p[name[2]] {
			return "there is no " + span
		}
	default:
		r.checked--
	}
	return ""
}

// checkPairs returns which of several names is not in the file or folder that follows them.
func (r *repository) checkPairs(folder, names, where string) string {
	if !strings.Contains(where, "/") && !fileSuffix.MatchString(where) {
		return ""
	}
	for _, span := range codeSpan.FindAllStringSubmatch(names, -1) {
		if r.checked++; !r.isIn(folder, span[1], where) {
			return fmt.Sprintf("%s is not in %s", span[1], where)
		}
	}
	return ""
}

// isIn reports whether a name, of which … may replace the end, is in a file or folder.
func (r *repository) isIn(folder, name, where string) bool {
	name, _, _ = strings.Cut(strings.TrimLeft(name, "*"), "(")
	name, open := strings.CutSuffix(name[strings.LastIndex(name, ".")+1:], "…")
	pattern := `\b` + regexp.QuoteMeta(name)
	if !open {
		pattern += `\b`
	}
	declared := regexp.MustCompile(pattern)
	for _, alternative := range expandBraces(where) {
		for _, file := range r.find(folder, alternative) {
			if declared.MatchString(r.files[file]) {
				return true
			}
		}
	}
	return false
}

// checkLink returns what is wrong with a link that is not a URL.
func (r *repository) checkLink(from, target string) string {
	if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
		return ""
	}
	r.checked++
	file, anchor, _ := strings.Cut(target, "#")
	to := from
	if file != "" {
		to = path.Join(path.Dir(from), file)
	}
	if !r.paths[to] {
		return "there is no file or folder for the link " + target
	}
	if number, isLine := strings.CutPrefix(anchor, "L"); isLine && path.Ext(to) != ".md" {
		lines := strings.Split(r.files[to], "\n")
		if n, err := strconv.Atoi(number); err != nil || n < 1 || n > len(lines) || strings.TrimSpace(lines[n-1]) == "" {
			return "there is no line with text for the link " + target
		}
		return ""
	}
	if anchor != "" && !slices.Contains(anchors(r.files[to]), anchor) {
		return "there is no heading for the link " + target
	}
	return ""
}

var notInAnchor = regexp.MustCompile(`[^\w\- ]`)

// anchors returns the anchors of a Markdown file's headings, as GitHub forms them.
func anchors(text string) []string {
	var names []string
	for _, found := range heading.FindAllStringSubmatch(fencedBlock.ReplaceAllString(text, ""), -1) {
		names = append(names, strings.ReplaceAll(notInAnchor.ReplaceAllString(strings.ToLower(found[1]), ""), " ", "-"))
	}
	return names
}

// expandBraces returns the paths that a shell makes of a path with {a,b}.
func expandBraces(pattern string) []string {
	before, rest, found := strings.Cut(pattern, "{")
	inside, after, closed := strings.Cut(rest, "}")
	if !found || !closed {
		return []string{pattern}
	}
	var expanded []string
	for alternative := range strings.SplitSeq(inside, ",") {
		expanded = append(expanded, expandBraces(before+alternative+after)...)
	}
	return expanded
}

package docs_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// repository has what references lead to.
type repository struct {
	files    map[string]string          // the content of text files, by path
	paths    map[string]bool            // files and folders
	tests    map[string]bool            // tests, benchmarks and fuzz tests
	targets  map[string]bool            // targets of the Makefile
	words    map[string]bool            // names in all files but Markdown
	packages map[string]map[string]bool // names in the Go files of a package, by the package's name
	checked  int                        // references that were checked
}

var (
	wordInCode   = regexp.MustCompile(`[A-Za-z_]\w*`)
	testFunction = regexp.MustCompile(`(?m)^func ((?:Test|Benchmark|Fuzz)\w+)\(`)
	makefileRule = regexp.MustCompile(`(?m)^([a-z][\w -]*):`)
)

func newRepository(files map[string]string) *repository {
	r := &repository{
		files: files, paths: map[string]bool{".": true}, tests: map[string]bool{}, targets: map[string]bool{},
		words: map[string]bool{}, packages: map[string]map[string]bool{},
	}
	for name, text := range files {
		for p := name; p != "."; p = path.Dir(p) {
			r.paths[p] = true
		}
		if path.Ext(name) == ".md" {
			continue
		}
		names := wordInCode.FindAllString(text, -1)
		add(r.words, names)
		if path.Base(name) == "Makefile" {
			for _, rule := range makefileRule.FindAllStringSubmatch(text, -1) {
				add(r.targets, strings.Fields(rule[1]))
			}
		}
		if path.Ext(name) != ".go" {
			continue
		}
		folder := path.Base(path.Dir(name))
		if r.packages[folder] == nil {
			r.packages[folder] = map[string]bool{}
		}
		add(r.packages[folder], names)
		for _, test := range testFunction.FindAllStringSubmatch(text, -1) {
			r.tests[test[1]] = true
		}
	}
	return r
}

func add(set map[string]bool, names []string) {
	for _, name := range names {
		set[name] = true
	}
}

// hasTest reports whether a test, or with asPrefix one whose name begins so, exists.
func (r *repository) hasTest(name string, asPrefix bool) bool {
	if r.tests[name] {
		return true
	}
	for test := range r.tests {
		if asPrefix && strings.HasPrefix(test, name) {
			return true
		}
	}
	return false
}

// hasSubtest reports whether a file of tests has a text, in which … stands for anything.
func (r *repository) hasSubtest(quoted string) bool {
	r.checked++
	parts := strings.Split(quoted, "…")
	for i := range parts {
		parts[i] = regexp.QuoteMeta(strings.TrimSpace(parts[i]))
	}
	pattern := regexp.MustCompile(strings.Join(parts, `.*`))
	for name, text := range r.files {
		if strings.HasSuffix(name, "_test.go") && pattern.MatchString(text) {
			return true
		}
	}
	return false
}

// exists reports whether a path, relative to the repository or to a folder, exists. A
// file's name alone may be that of any file. A path may be a pattern of path.Match.
func (r *repository) exists(folder, name string) bool {
	name = strings.TrimSuffix(name, "/")
	if r.paths[name] || r.paths[path.Join(folder, name)] {
		return true
	}
	for p := range r.paths {
		if matchesPath(p, folder, name) {
			return true
		}
	}
	return false
}

// find returns the files that a path as in exists is, or that its folder contains.
func (r *repository) find(folder, name string) []string {
	var found []string
	name = strings.TrimSuffix(name, "/")
	for file := range r.files {
		if matchesPath(file, folder, name) || strings.HasPrefix(file, name+"/") || strings.HasPrefix(file, path.Join(folder, name)+"/") {
			found = append(found, file)
		}
	}
	return found
}

func matchesPath(p, folder, pattern string) bool {
	if !strings.Contains(pattern, "/") {
		p = path.Base(p)
	}
	matched, err := path.Match(pattern, p)
	if err == nil && !matched {
		matched, err = path.Match(path.Join(folder, pattern), p)
	}
	return err == nil && matched
}

// trackedFiles returns the content of the repository's text files, those that are not
// yet added included, by their paths.
func trackedFiles(t *testing.T) map[string]string {
	t.Helper()
	files := mustListFiles(t, "--cached", "--others", "--exclude-standard")
	for name, content := range files {
		if !utf8.ValidString(content) {
			files[name] = ""
		}
	}
	return files
}

// mustListFiles returns the content of the files that git lists with some flags.
func mustListFiles(t *testing.T, flags ...string) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "git", append([]string{"-C", "..", "ls-files"}, flags...)...).Output()
	if err != nil {
		t.Skipf("NOT CHECKED: the files of the repository: git ls-files: %v", err)
	}
	files := map[string]string{}
	for name := range strings.Lines(string(out)) {
		name = strings.TrimSpace(name)
		content, err := os.ReadFile(filepath.Join("..", name))
		if os.IsNotExist(err) {
			continue // It is deleted, and not yet committed.
		}
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(content)
	}
	return files
}

// images are the names of files that may be binary.
var images = regexp.MustCompile(`\.(gif|ico|jpg|png|svg|webp)$`)

// TestTextFiles requires that the repository has text and images only: a program that was
// built in it must not be committed.
func TestTextFiles(t *testing.T) {
	t.Parallel()
	for name, content := range mustListFiles(t, "--cached") {
		if !images.MatchString(name) && !strings.Contains(name, "testdata/") && strings.Contains(content, "\x00") {
			t.Errorf("%s is a binary file: remove it", name)
		}
	}
}

// TestReferencesThatLeadNowhere plants each kind of a reference in a repository of a
// few files, once right and once wrong.
func TestReferencesThatLeadNowhere(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"Makefile": "test build: x\n\tgo test\n", "go.mod": "",
		"shared/health/health.go": "package health\n\nfunc MaxConns() {}\nconst limitOfAll = 1\n", "shared/health/health_test.go": "func TestHealth(t *testing.T) {\n\tt.Run(\"it is healthy at once\", nil)\n",
		"shared/other/other.go": "var OTHER_URL, elsewhereOnly, Elsewhere = 1\n", "docs/adr/0001-one.md": "# One, two\n",
	}
	for _, test := range []struct{ file, right, wrong string }{
		{"docs/a.md", "`TestHealth`", "`TestGone`"},
		{"docs/a.md", "`TestHea…`", "`TestGo…`"},
		{"docs/a.md", "`make test`, `make build ARGS=1`", "`make tests`"},
		{"docs/a.md", "`shared/health`", "`shared/wealth`"},
		{"docs/a.md", "`shared/health/health.go`", "`shared/health/gone.go`"},
		{"docs/a.md", "`health.go`, `../go.mod`", "`gone.go`"},
		{"docs/a.md", "`shared/health/{health,health_test}.go`", "`shared/health/{health,gone}.go`"},
		{"docs/a.md", "`shared/*/*_test.go`", "`shared/*/*_gone.go`"},
		{"docs/a.md", "`limitOfAll`", "`limitOfNone`"},
		{"docs/a.md", "`OTHER_URL`", "`GONE_URL`"},
		{"docs/a.md", "`health.MaxConns`, `http.Elsewhere`", "`health.Elsewhere`"},
		{"docs/a.md", "`limitOfAll` (`shared/health`)", "`elsewhereOnly` (`shared/health`)"},
		{"docs/a.md", "`limitOfAll`, `MaxConns()` (`shared/health`)", "`elsewhereOnly`, `MaxConns()` (`shared/health`)"},
		{"docs/a.md", "`health.MaxConns` in\n`health.go`", "`other.Elsewhere` in\n`health.go`"},
		{"docs/a.md", "`TestHealth` (`shared/health/*_test.go`)", "`TestHealth` (`shared/health/health.go`)"},
		{"docs/a.md", "`TestHealth`, \"it is … once\"", "`TestHealth`, \"it is … twice\""},
		{"docs/a.md", "[one](adr/0001-one.md)", "[one](0001-one.md)"},
		{"docs/a.md", "[one](adr/0001-one.md#one-two)", "[one](adr/0001-one.md#two)"},
		{"docs/a.md", "[x](https://example.com/x)\n```\n`gone.go`\n```", "[x](x)"},
		{"docs/a.md", "\nStatus: superseded by [x](y). `gone.go`", "Status: accepted. `gone.go`"},
		{"a.yaml", "# TestHealth holds it (docs/adr/0001)", "# TestGone holds it"},
		{"a.yaml", "x: 1 # see shared/health/health.go.", "x: 1 # see shared/health/gone.go."},
		{"a.yaml", "# Of a pool (health.MaxConns).", "# Of a pool (health.MinConns)."},
		{"a.go", "x // in docs/adr/0001-one.md", "x // in docs/adr/0002"},
	} {
		for text, want := range map[string]int{test.right: 0, test.wrong: 1} {
			files[test.file] = "First line.\n" + text + "\n"
			problems := newRepository(files).check(test.file)
			delete(files, test.file)
			if len(problems) != want || want == 1 && !strings.HasPrefix(problems[0], test.file+":2: ") && !strings.Contains(text, "\nStatus") {
				t.Errorf("%q: found %q, want %d", text, problems, want)
			}
		}
	}
}

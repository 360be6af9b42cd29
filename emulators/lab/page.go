package lab

import (
	"bufio"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/template"
	"time"
)

//go:embed page.md.tmpl
var pageTemplate string

// Run is a run of all experiments, of which a page of the documentation is written.
type Run struct {
	// Machine, Date and Commit are where, when and of which source it ran.
	Machine string    `json:"machine"`
	Date    time.Time `json:"date"`
	Commit  string    `json:"commit"`
	Reports []Report  `json:"reports"`
	// Costs are the cost estimates by environment.
	Costs map[string]Cost `json:"costs"`
}

// NewRun returns a run on this machine, now.
func NewRun(commit string, reports []Report) Run {
	return Run{Machine: machine(), Date: time.Now().UTC().Truncate(time.Second), Commit: commit, Reports: reports}
}

// machine describes this machine.
func machine() string {
	model := runtime.GOARCH
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for scanner := bufio.NewScanner(bytes.NewReader(text)); scanner.Scan(); {
			if name, value, found := strings.Cut(scanner.Text(), ":"); found && strings.TrimSpace(name) == "model name" {
				model = strings.TrimSpace(value)
				break
			}
		}
	}
	return fmt.Sprintf("%d cores (%s), %s", runtime.NumCPU(), model, runtime.GOOS)
}

// The files of a run, beside its page.
const (
	imagesFolder = "images/lab"
	resultsFile  = imagesFolder + "/results.json"
)

// Write writes the page, its charts and the results that it was written from. Repository has
// the files that the page links to.
func (r Run) Write(page string, repository fs.FS) error {
	text, err := r.Page(repository)
	if err != nil {
		return err
	}
	folder := filepath.Dir(page)
	if err := os.MkdirAll(filepath.Join(folder, imagesFolder), 0o755); err != nil { //nolint:gosec // documentation
		return fmt.Errorf("create the folder of the charts: %w", err)
	}
	results, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	files := map[string][]byte{page: text, filepath.Join(folder, resultsFile): append(results, '\n')}
	for _, report := range r.Reports {
		for _, c := range report.Charts {
			files[filepath.Join(folder, imagesFolder, c.Name+".svg")] = c.SVG()
		}
	}
	for name, content := range files {
		if err := os.WriteFile(name, content, 0o644); err != nil { //nolint:gosec // documentation
			return fmt.Errorf("write the page of the run: %w", err)
		}
	}
	return nil
}

// ReadRun reads the results that a page was written from.
func ReadRun(page string) (r Run, err error) {
	text, err := os.ReadFile(filepath.Join(filepath.Dir(page), resultsFile))
	if err != nil {
		return r, fmt.Errorf("read the results of %s: %w", page, err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read the results of %s: %w", page, err)
	}
	return r, nil
}

// Page returns the page of the run, in Markdown, for a folder of the repository.
func (r Run) Page(repository fs.FS) ([]byte, error) {
	page, err := template.New("page.md").Funcs(template.FuncMap{
		// line links to the one line of a file that has a text.
		"line": func(label, file, text string) (string, error) {
			n, err := Setting{File: file, Text: text}.Line(repository)
			return fmt.Sprintf("[%s](../%s#L%d)", label, file, n), err
		},
		// file links to a file or folder.
		"file": func(label, path string) (string, error) {
			_, err := fs.Stat(repository, path)
			return fmt.Sprintf("[%s](../%s)", label, path), err
		},
		"results": func() string { return "[results.json](" + resultsFile + ")" },
		"seen":    func(name string) (string, error) { return r.seen(name, repository) },
		"costs":   r.costTable, "usd": r.usd, "idle": r.idle, "busy": r.busy,
	}).Parse(pageTemplate)
	if err != nil {
		return nil, fmt.Errorf("parse the page: %w", err)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, r); err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}

// seen returns what an experiment has found, in Markdown.
func (r Run) seen(name string, repository fs.FS) (string, error) {
	i := slices.IndexFunc(r.Reports, func(report Report) bool { return report.Name == name })
	if i < 0 {
		return "", fmt.Errorf("the run has no experiment %s", name)
	}
	report := r.Reports[i]
	var out strings.Builder
	fmt.Fprintf(&out, "`souk lab %s` (%s). Hypothesis: %s\n\n", name, report.Took.Round(time.Second), report.Hypothesis)
	for _, c := range report.Charts {
		fmt.Fprintf(&out, "![%s](%s/%s.svg \"%s\")\n\n", c.Description, imagesFolder, c.Name, c.Title)
	}
	for _, table := range report.Tables {
		out.WriteString(table.markdown())
	}
	for _, text := range report.sentences() {
		fmt.Fprintf(&out, "- %s\n", text)
	}
	out.WriteString("\nIn the cloud:\n\n")
	for _, s := range report.Settings {
		n, err := s.Line(repository)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&out, "- [%s](../%s#L%d)\n", s.What, s.File, n)
	}
	return strings.TrimRight(out.String(), "\n"), nil
}

// markdown returns the table in Markdown.
func (t Table) markdown() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s:\n\n| %s |\n|%s\n", t.Title, strings.Join(t.Columns, " | "), strings.Repeat("---|", len(t.Columns)))
	for _, row := range t.Rows {
		fmt.Fprintf(&out, "| %s |\n", strings.Join(row, " | "))
	}
	out.WriteString("\n")
	return out.String()
}

// sentences returns what was seen, what differs from the hypothesis, and what was skipped.
func (r Report) sentences() []string {
	texts := slices.Clone(r.Findings)
	for _, check := range r.Checks {
		if !check.OK {
			texts = append(texts, "**Not as expected:** "+check.Text)
		}
	}
	for _, skipped := range r.Skipped {
		texts = append(texts, "Skipped: "+skipped)
	}
	return texts
}

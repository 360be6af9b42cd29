package function

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// documentedLayers returns the first cells of the table of layers in a document.
func documentedLayers(document string) (names []string) {
	_, table, _ := strings.Cut(document, "| layer |")
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(names) > 0 && len(cells) < 3 {
			break
		}
		if len(cells) > 3 && !strings.Contains(cells[1], "---") {
			names = append(names, strings.TrimSpace(cells[1]))
		}
	}
	return names
}

// TestChainDocumented requires that docs/architecture.md lists the layers of chain in their
// order.
func TestChainDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, l := range chain {
		names = append(names, l.name)
	}
	if got := documentedLayers(string(document)); !slices.Equal(got, names) {
		t.Errorf("docs/architecture.md lists the layers %q, chain %q", got, names)
	}
}

// TestChainOrder checks that a request passes the layers in the order of the list, and only
// those of its function after routing.
func TestChainOrder(t *testing.T) {
	t.Parallel()
	mark := func(name string) layer {
		return layer{name, perEndpoint(func(_ *server, next endpoint) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, name+" ")
				next.handler.ServeHTTP(w, r)
			})
		})}
	}
	last := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "operation") })
	functions := []endpoint{{handler: http.NotFoundHandler()}, {handler: last}}
	pickSecond := layer{"routing", func(_ *server, next []endpoint) []endpoint { return next[1:] }}
	handler := (&server{}).handler([]layer{mark("first"), mark("second"), pickSecond, mark("third")}, functions)
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/", http.NoBody))
	if got := recorder.Body.String(); got != "first second third operation" {
		t.Errorf("got %q", got)
	}
}

// patch is an assignment to a field of a runtime.
var patch = regexp.MustCompile(`(?m)\b(rt|[rR]untime)\.\w+(, \w+(\.\w+)*)* (=|\+=) `)

// TestRuntimeIsNotPatched requires that no code changes a Runtime after NewRuntime.
func TestRuntimeIsNotPatched(t *testing.T) {
	t.Parallel()
	if !patch.MatchString("\truntime.ReplicaReader = reads\n") || patch.MatchString("\tif runtime.DB == nil {\n\t\tdb := runtime.DB\n") {
		t.Fatal("the pattern does not find assignments")
	}
	files := 0
	for _, root := range []string{"../../functions", ".."} {
		err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") {
				return err
			}
			text, err := fs.ReadFile(os.DirFS(root), name)
			files++
			if found := patch.FindString(string(text)); found != "" && !strings.HasSuffix(name, "chain_test.go") {
				t.Errorf("%s/%s changes a runtime: %s", root, name, found)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 200 {
		t.Errorf("only %d files were read", files)
	}
}

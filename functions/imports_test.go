package functions_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// helpers lists packages that only tests may import: they import package testing.
var helpers = []string{"shared/dbtest", "shared/function/functiontest", "shared/mail/mailtest", "functions/fixtures", "functions/user/passwordtest", "functions/payment/provider/providertest", "shared/testsample"}

// mayImport reports whether a file of one package may import another, both by their paths
// in the module, such as functions/order and shared/api. It is the rule of DESIGN.md:
// functions import shared, and only the packages that assemble them import functions.
func mayImport(importer, imported string, isTest bool) bool {
	if slices.Contains(helpers, imported) && !isTest && !isIn(importer, helpers...) {
		return false
	}
	if isIn(imported, "shared/function/openapi") && !isTest && !isIn(importer, "functions/cmd/generate", "shared/function/functiontest") {
		return false // The binaries of the functions do not contain it.
	}
	switch {
	case imported == "functions/user/internal/password/cost": // it could weaken the hashes of a service
		return isIn(importer, "functions/user/internal/password", "functions/user/passwordtest")
	case isIn(imported, "cmd", "e2e"):
		return isIn(importer, "cmd", "e2e")
	case isIn(importer, "emulators/console") && isTest && strings.HasSuffix(imported, "/migrations"):
		return true // These tests read the databases of all services.
	case isIn(importer, "cmd", "e2e", "emulators/local", "functions/registry", "functions/cmd/generate"):
		return true // They assemble all services.
	case importer == "functions" && isTest:
		return true // These tests cover all services.
	case isIn(importer, "shared"), importer == "functions":
		return isIn(imported, "shared")
	case isIn(importer, "functions"):
		service := strings.Join(strings.Split(importer, "/")[:2], "/")
		return isIn(imported, "shared", service) || imported == "functions" || imported == "functions/fixtures" // helpers: tests only
	case isIn(importer, "emulators"):
		// The lab runs whole systems; the parts of a system do not know it.
		isPart := !isIn(imported, "emulators/local", "emulators/lab") || isIn(importer, "emulators/lab")
		return isIn(imported, "shared", "emulators") && isPart || imported == "functions"
	default:
		return true
	}
}

// isIn reports whether a package is one of the folders, or in one of them.
func isIn(importPath string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		return importPath == folder || strings.HasPrefix(importPath, folder+"/")
	})
}

// mustFindForbiddenImports returns the imports within the module that the rule forbids, with
// their files, and the number of files read.
func mustFindForbiddenImports(t *testing.T, root string) (forbidden []string, files int) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if base := entry.Name(); name != "." && (strings.HasPrefix(base, ".") || base == "testdata" || isModule(root, name)) {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		files++
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, name), nil, parser.ImportsOnly)
		if err != nil {
			return fmt.Errorf("read the imports of %s: %w", name, err)
		}
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("read the imports of %s: %w", name, err)
			}
			within, isOwn := strings.CutPrefix(imported, "souk/")
			if isOwn && !mayImport(path.Dir(name), within, strings.HasSuffix(name, "_test.go")) {
				forbidden = append(forbidden, name+" imports "+within)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return forbidden, files
}

// isModule reports whether a folder is the root of another module, such as tools.
func isModule(root, folder string) bool {
	_, err := os.Stat(filepath.Join(root, folder, "go.mod"))
	return err == nil
}

func TestImports(t *testing.T) {
	t.Parallel()
	t.Run("the repository follows the rule", func(t *testing.T) {
		t.Parallel()
		forbidden, files := mustFindForbiddenImports(t, "..")
		for _, found := range forbidden {
			t.Error(found)
		}
		if files < 100 {
			t.Errorf("only %d files were read, so some of the repository is missing", files)
		}
	})

	t.Run("forbidden imports are found", func(t *testing.T) {
		t.Parallel()
		planted := map[string]struct {
			imports string
			ok      bool
		}{
			"shared/api/a.go":                   {"souk/shared/clock", true},
			"shared/api/b.go":                   {"souk/functions/order", false},
			"shared/api/c.go":                   {"souk/functions", false},
			"shared/api/d.go":                   {"souk/emulators/pubsub", false},
			"shared/api/e.go":                   {"souk/cmd/souk", false},
			"shared/api/f.go":                   {"souk/shared/dbtest", false},
			"shared/api/g_test.go":              {"souk/shared/dbtest", true},
			"shared/api/h_test.go":              {"souk/functions/order", false},
			"shared/function/functiontest/a.go": {"souk/shared/dbtest", true},
			"shared/function/a.go":              {"souk/shared/function/openapi", false},
			"shared/function/b_test.go":         {"souk/shared/function/openapi", true},
			"functions/registry/a.go":           {"souk/functions/order", true},
			"functions/registry/b.go":           {"souk/shared/function/openapi", false},
			"functions/order/j.go":              {"souk/functions/registry", false},
			"functions/cmd/generate/a.go":       {"souk/shared/function/openapi", true},
			"functions/cmd/generate/b.go":       {"souk/functions/order", true},
			"functions/a.go":                    {"souk/shared/manifest", true},
			"functions/b.go":                    {"souk/functions/order", false},
			"functions/c.go":                    {"souk/emulators/gateway", false},
			"functions/d_test.go":               {"souk/emulators/gateway", true},
			"functions/order/a.go":              {"souk/shared/api", true},
			"functions/order/b.go":              {"souk/functions/product", false},
			"functions/order/c_test.go":         {"souk/functions/product", false},
			"functions/order/d.go":              {"souk/emulators/pubsub", false},
			"functions/order/e_test.go":         {"souk/emulators/pubsub", false},
			"functions/order/f.go":              {"souk/shared/function/functiontest", false},
			"functions/order/g_test.go":         {"souk/shared/function/functiontest", true},
			"functions/order/h.go":              {"souk/functions/fixtures", false},
			"functions/order/i_test.go":         {"souk/functions/fixtures", true},
			"functions/fixtures/a.go":           {"souk/shared/function/functiontest", true},
			"functions/fixtures/b.go":           {"souk/functions/order", false},
			"functions/user/a.go":               {"souk/functions/user/passwordtest", false},
			"functions/user/b_test.go":          {"souk/functions/user/passwordtest", true},
			"functions/user/c.go":               {"souk/functions/user/internal/password/cost", false},
			"functions/user/d_test.go":          {"souk/functions/user/internal/password/cost", false},
			"functions/user/internal/e.go":      {"souk/functions/user/internal/password", true},
			"functions/payment/stripe/f.go":     {"souk/functions/payment/provider/providertest", false},
			"functions/payment/g_test.go":       {"souk/functions/payment/provider/providertest", true},
			"functions/order/k_test.go":         {"souk/functions/payment/provider/providertest", false},
			"e2e/payment/c_test.go":             {"souk/functions/payment/provider/providertest", true},
			"functions/order/cmd/main.go":       {"souk/functions/order", true},
			"functions/order/cmd/other.go":      {"souk/functions/user", false},
			"functions/order/cmd/list.go":       {"souk/functions", true},
			"functions/orders/a.go":             {"souk/functions/order", false},
			"emulators/gateway/a.go":            {"souk/functions", true},
			"emulators/gateway/b.go":            {"souk/functions/order", false},
			"emulators/gateway/lab.go":          {"souk/emulators/lab", false},
			"emulators/lab/a.go":                {"souk/emulators/local", true},
			"emulators/gateway/c.go":            {"souk/emulators/local", false},
			"emulators/gateway/d.go":            {"souk/cmd/souk", false},
			"emulators/local/a.go":              {"souk/functions/order", true},
			"emulators/local/b.go":              {"souk/cmd/souk", false},
			"emulators/localhost/a.go":          {"souk/functions/order", false},
			"cmd/souk/a.go":                     {"souk/emulators/local", true},
			"e2e/a_test.go":                     {"souk/emulators/local", true},
			"e2e/b.go":                          {"souk/shared/dbtest", false},
			"functions/order/outside.go":        {"soukish/functions/user", true},
			"functions/order/testdata/a.go":     {"souk/functions/user", true},
			".hidden/shared/a.go":               {"souk/functions/user", true},
		}
		root := t.TempDir()
		var want []string
		for name, file := range planted {
			mustWrite(t, filepath.Join(root, name), fmt.Sprintf("package p\n\nimport _ %q\n", file.imports))
			if !file.ok {
				want = append(want, name+" imports "+strings.TrimPrefix(file.imports, "souk/"))
			}
		}
		mustWrite(t, filepath.Join(root, "shared/tools/go.mod"), "module tools\n")
		mustWrite(t, filepath.Join(root, "shared/tools/a.go"), "package p\n\nimport _ \"souk/functions/order\"\n")
		got, _ := mustFindForbiddenImports(t, root)
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("forbidden imports (-want +got):\n%s", diff)
		}
	})
}

func mustWrite(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

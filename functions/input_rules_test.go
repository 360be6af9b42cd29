package functions_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// invalidInHandler lists the files of operations that refuse a value in the handler, with
// the reason. All other rules for input belong to its type, in the tags or in a Resolve
// method: then one response reports every error of a request.
var invalidInHandler = map[string]string{
	"order/checkout_complete.go": "the agreed total may have a withdrawn currency, as the catalogue",
	"order/list.go":              "the rule depends on the caller's role",
	"order/quote.go":             "the rule depends on the prices of the catalogue",
	"product/import.go":          "the body is read line by line, and the schema has checked the id",
	"product/list.go":            "the rule depends on the content of the token",
	"product/stock_adjust.go":    "the rule depends on the stock",
	"product/update.go":          "the rule depends on the product's attributes",
	"user/list.go":               "the rule depends on the content of the token",
	"user/password_change.go":    "the rule depends on the account",
	"user/role.go":               "the rule depends on the shop's roles",
	"user/password_reset.go":     "the rule depends on the account",
	"payment/webhook.go":         "the body is verified first",
}

// TestInputRules requires that operations refuse input in one way.
func TestInputRules(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("*/*.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("found no files: %v", err)
	}
	found := map[string]bool{}
	for _, name := range files {
		if matched, _ := filepath.Match("*_test.go", filepath.Base(name)); matched {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(source, []byte("api.Invalid(")) {
			continue
		}
		found[name] = true
		if invalidInHandler[name] == "" {
			t.Errorf("%s refuses input in a handler, after other errors were reported: use a Resolve method of the input, or add a reason to invalidInHandler", name)
		}
	}
	for name := range invalidInHandler {
		if !found[name] {
			t.Errorf("%s does not refuse input in a handler any more: remove it from invalidInHandler", name)
		}
	}
}

package pubsub

import (
	"strings"
	"testing"

	"cloud.google.com/go/pubsub/v2/pstest"
)

func TestFilterLanguage(t *testing.T) {
	t.Parallel()
	attributes := map[string]string{"lang": "en", "region": "eu-west", "quote": `a"b\c`, "iana.org/tag": "x", "empty": "", "a-b": "1"}
	cases := map[string]bool{
		``:                                   true,
		`attributes:lang`:                    true,
		`attributes:"iana.org/tag"`:          true,
		`attributes:missing`:                 false,
		`attributes:empty`:                   true,
		`attributes.empty = ""`:              true,
		`attributes.missing = ""`:            false,
		`attributes.missing != "x"`:          true,
		`attributes.lang != "en"`:            false,
		`attributes.a-b = "1"`:               true,
		`attributes."iana.org/tag" = "x"`:    true,
		`attributes.quote = "a\"b\\c"`:       true,
		`hasPrefix(attributes.region, "eu")`: true,
		`hasPrefix(attributes.region, "us")`: false,
		`hasPrefix(attributes.missing, "")`:  false,
		`NOT attributes:lang`:                false,
		`NOT NOT attributes:lang`:            true,
		`-attributes:missing`:                true,
		`attributes:lang AND attributes:region AND attributes:missing`:  false,
		`attributes:missing OR attributes:lang`:                         true,
		`NOT attributes:missing AND attributes:lang`:                    true,
		`(attributes:missing OR attributes:lang) AND attributes:region`: true,
		`attributes:missing AND (attributes:lang OR attributes:region)`: false,
		` attributes : lang  AND( attributes.lang="en")`:                true,
		`attributes.lang = "AND"`:                                       false,
		`attributes:AND OR attributes:lang`:                             true,
	}
	for text, want := range cases {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			f, err := parseFilter(text)
			if err != nil {
				t.Fatal(err)
			}
			// Google's fake must accept it, too.
			if err := pstest.ValidateFilter(text); err != nil && !unknownToPstest[text] {
				t.Errorf("pstest: %v", err)
			}
			if got := f(attributes); got != want {
				t.Errorf("%s = %v, want %v", text, got, want)
			}
		})
	}
}

// unknownToPstest are documented filters that Google's fake rejects.
var unknownToPstest = map[string]bool{
	``:                                  true,
	`attributes."iana.org/tag" = "x"`:   true,
	`attributes:AND OR attributes:lang`: true,
}

func TestMalformedFilterIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`attributes`, `attributes:`, `attributes.`, `attributes.lang`, `attributes.lang =`, `attributes.lang = en`,
		`attributes.lang == "en"`, `attributes.lang > "en"`, `attributes.lang = "en`, `lang = "en"`, `"en"`,
		`(attributes:lang`, `attributes:lang)`, `attributes:lang attributes:region`, `AND`, `NOT`, `attributes:lang AND`,
		`hasPrefix(attributes.lang)`, `hasPrefix(attributes.lang, en)`, `hasSuffix(attributes.lang, "en")`,
	} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			if _, err := parseFilter(text); err == nil {
				t.Errorf("%s was accepted", text)
			}
		})
	}
	t.Run("AND and OR without parentheses are refused", func(t *testing.T) {
		t.Parallel()
		if _, err := parseFilter(`attributes:a AND attributes:b OR attributes:c`); err == nil {
			t.Error("the filter was accepted")
		}
	})
	t.Run("a filter that is too long is refused", func(t *testing.T) {
		t.Parallel()
		if _, err := parseFilter(`attributes:` + strings.Repeat("x", maxFilterBytes)); err == nil {
			t.Error("the filter was accepted")
		}
	})
}

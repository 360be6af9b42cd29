package invoice_test

import (
	"strings"
	"testing"
	"unicode"

	"souk/functions/payment/invoice"
)

// TestGlyphs requires a glyph for each letter of the languages that are written in Latin, Greek
// and Cyrillic letters: the blocks that they use.
func TestGlyphs(t *testing.T) {
	t.Parallel()
	for name, block := range map[string][2]rune{
		"Basic Latin": {0x20, 0x7e}, "Latin-1 Supplement": {0xa0, 0xff}, "Latin Extended-A": {0x100, 0x17f},
		"Latin Extended Additional": {0x1ea0, 0x1ef9}, // Vietnamese
		"Greek and Coptic":          {0x386, 0x3ce}, "Cyrillic": {0x400, 0x45f}, "Ukrainian and Kazakh": {0x490, 0x4e9},
	} {
		for r := block[0]; r <= block[1]; r++ {
			if unicode.IsGraphic(r) && !invoice.Has(r) {
				t.Errorf("%s: %U %c has no glyph", name, r, r)
			}
		}
	}
	for _, r := range "€£¥₺₴₽₹₩₫−×·…–—“”„‚‘’«»‹›№™®©§¶†‡•□ȘșȚțҐґЄєЇї" {
		if !invoice.CanShow(r) {
			t.Errorf("%U %c cannot be shown", r, r)
		}
	}
	for name, block := range map[string][2]rune{"Armenian": {0x531, 0x556}, "Georgian": {0x10d0, 0x10f0}} {
		for r := block[0]; r <= block[1]; r++ {
			if !invoice.CanShow(r) {
				t.Errorf("%s: %U %c cannot be shown", name, r, r)
			}
		}
	}
}

// TestReplacement requires that a character without a glyph is replaced and the document says so.
func TestReplacement(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"山田 Taro":                   "□□ Taro",
		"Tea 🍵":                     "Tea □",
		"محمد":                      "□□□□",
		"Ele\u0301na":               "Eléna",        // is composed
		"tab\tand\nline":            "tab and line", // spaces
		"in\u202evisible\u200b\x00": "invisible",    // removed, not replaced
		"Հայկ Ğ Щ Ω":                "Հայկ Ğ Щ Ω",   // shown by both fonts
		"non-breaking\u00a0space":   "non-breaking\u00a0space",
	} {
		got, replaced := invoice.Replaced(text)
		if got != want || replaced != strings.ContainsRune(want, '□') {
			t.Errorf("%q is shown as %q (%t), want %q", text, got, replaced, want)
		}
	}
	for _, name := range []string{"Amira Haddad", "山田 太郎"} {
		doc := sample(t)
		doc.Buyer.Address.Name = name
		text := textOf(readPDF(t, render(t, doc))[0])
		if got, want := strings.Contains(text, "□ is a character that this file cannot show."), name != "Amira Haddad"; got != want {
			t.Errorf("%s: the document says so: %t", name, got)
		}
	}
}

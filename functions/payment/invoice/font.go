package invoice

import (
	"fmt"
	"sync"
	"unicode"

	"github.com/go-fonts/dejavu/dejavusans"
	"github.com/go-fonts/dejavu/dejavusansbold"
	"github.com/go-fonts/liberation/liberationsansbold"
	"github.com/go-fonts/liberation/liberationsansregular"
	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"
	"golang.org/x/text/unicode/norm"
)

// replacement is shown for a character that no font can show.
const replacement = '□'

// face is a font in one weight.
type face struct {
	family, style string
	data          []byte
	glyphs        func() *sfnt.Font // parsed at its first use
}

func newFace(family, style string, data []byte) *face {
	return &face{family, style, data, sync.OnceValue(func() *sfnt.Font {
		parsed, err := sfnt.Parse(data)
		if err != nil { // The data is constant, and tests parse it.
			panic(fmt.Sprintf("parse the font %s%s: %v", family, style, err))
		}
		return parsed
	})}
}

// has reports whether the font has a glyph for a character.
func (f *face) has(r rune) bool {
	var buffer sfnt.Buffer
	index, err := f.glyphs().GlyphIndex(&buffer, r)
	return err == nil && index != 0
}

// width returns the width of a text whose size is 1.
func (f *face) width(text string) float64 {
	const em = 1000 // the unit of widths in PDF is a thousandth of the size
	var buffer sfnt.Buffer
	var width fixed.Int26_6
	for _, r := range text {
		index, err := f.glyphs().GlyphIndex(&buffer, r)
		if err != nil {
			continue
		}
		if advance, err := f.glyphs().GlyphAdvance(&buffer, index, fixed.I(em), font.HintingNone); err == nil {
			width += advance
		}
	}
	return float64(width) / 64 / em
}

// The fonts of each weight, in the order of their use: the second is for characters that the
// first lacks, such as Armenian and Georgian letters.
var (
	regular = []*face{newFace("liberation", "", liberationsansregular.TTF), newFace("dejavu", "", dejavusans.TTF)}
	bold    = []*face{newFace("liberation", "B", liberationsansbold.TTF), newFace("dejavu", "B", dejavusansbold.TTF)}
)

// scripts are those whose letters stand from left to right, each with a glyph of its own. The
// library neither orders nor joins the letters of others, such as Arabic, which would be wrong.
var scripts = []*unicode.RangeTable{
	unicode.Latin, unicode.Greek, unicode.Cyrillic, unicode.Armenian, unicode.Georgian, unicode.Common, unicode.Inherited,
}

// run is a part of a text in one font.
type run struct {
	face *face
	text string
}

// splitRuns returns the runs of a text, and reports whether a character was replaced. Letters
// and their accents are composed, and characters that are not to be seen are removed.
func splitRuns(faces []*face, text string) (runs []run, replaced bool) {
	for _, r := range norm.NFC.String(text) {
		if unicode.IsSpace(r) && r != '\u00a0' {
			r = ' '
		}
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			continue
		}
		found := findFace(faces, r)
		if found == nil {
			replaced, r = true, replacement
			found = findFace(faces, r)
		}
		if last := len(runs) - 1; last >= 0 && (runs[last].face == found || r == ' ') {
			runs[last].text += string(r)
		} else {
			runs = append(runs, run{found, string(r)})
		}
	}
	return runs, replaced
}

// findFace returns the first font that can show a character, or nil. The library has no
// characters above U+FFFF.
func findFace(faces []*face, r rune) *face {
	if r > 0xffff || !unicode.In(r, scripts...) {
		return nil
	}
	for _, f := range faces {
		if f.has(r) {
			return f
		}
	}
	return nil
}

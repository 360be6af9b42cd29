package invoice

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"codeberg.org/go-pdf/fpdf"
)

// pointsPerMillimetre converts sizes of fonts to millimetres.
const pointsPerMillimetre = 72 / 25.4

// pen writes text in the fonts of the package. Positions are millimetres from the top left corner
// of the page, of the baseline.
type pen struct {
	pdf      *fpdf.Fpdf
	added    map[*face]bool // fonts that the document has
	replaced bool           // whether a character was replaced

	faces []*face
	size  float64 // points
}

// font selects weight and size.
func (p *pen) font(faces []*face, size float64) { p.faces, p.size = faces, size }

// color selects the color of text.
func (p *pen) color(c color) { p.pdf.SetTextColor(c.r, c.g, c.b) }

// width returns the width of a text in millimetres.
func (p *pen) width(text string) float64 {
	runs, _ := splitRuns(p.faces, text)
	var width float64
	for _, r := range runs {
		width += p.runWidth(r)
	}
	return width
}

func (p *pen) runWidth(r run) float64 { return r.face.width(r.text) * p.size / pointsPerMillimetre }

// write writes a text that begins at a point.
func (p *pen) write(x, y float64, text string) {
	runs, replaced := splitRuns(p.faces, text)
	p.replaced = p.replaced || replaced
	for _, r := range runs {
		if !p.added[r.face] {
			p.pdf.AddUTF8FontFromBytes(r.face.family, r.face.style, r.face.data)
			p.added[r.face] = true
		}
		p.pdf.SetFont(r.face.family, r.face.style, p.size)
		p.pdf.Text(x, y, r.text)
		x += p.runWidth(r)
	}
}

// writeRight writes a text that ends at a point.
func (p *pen) writeRight(x, y float64, text string) { p.write(x-p.width(text), y, text) }

// wrap returns the lines of a text that are at most as wide as a width, at least one. Words that
// are wider are divided.
func (p *pen) wrap(text string, width float64) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && p.width(line+" "+word) <= width {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		for line = word; p.width(line) > width; {
			end := p.fit(line, width)
			if end == len(line) { // one character
				break
			}
			lines, line = append(lines, line[:end]), line[end:]
		}
	}
	return append(lines, line)
}

// fit returns the length in bytes of the longest beginning of a word that is at most as wide as a
// width. It has at least one character, with its accents.
func (p *pen) fit(word string, width float64) int {
	end := 0
	for i, r := range word {
		next := i + utf8.RuneLen(r)
		if i > 0 && !unicode.Is(unicode.M, r) && p.width(word[:next]) > width {
			break
		}
		end = next
	}
	return end
}

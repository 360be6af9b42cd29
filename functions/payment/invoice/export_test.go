package invoice

// MinWidth returns the width of a text at the smallest size of tables.
func MinWidth(text string) float64 {
	p := pen{faces: regular, size: minTableSize}
	return p.width(text)
}

// FormatRate is formatRate.
var FormatRate = formatRate

// Replaced returns a text as it is shown, and whether a character was replaced.
func Replaced(text string) (string, bool) {
	var out string
	runs, replaced := splitRuns(regular, text)
	for _, r := range runs {
		out += r.text
	}
	return out, replaced
}

// Has reports whether the first font has a glyph for a character, in both weights.
func Has(r rune) bool { return regular[0].has(r) && bold[0].has(r) }

// CanShow reports whether a character can be shown, in both weights.
func CanShow(r rune) bool { return findFace(regular, r) != nil && findFace(bold, r) != nil }

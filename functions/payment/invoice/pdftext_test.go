package invoice_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode/utf16"
)

// shown is a text on a page of a PDF. Positions are millimetres from the top left corner.
type shown struct {
	text string
	x, y float64
}

var (
	streams = regexp.MustCompile(`(?s)<<([^>]*/FlateDecode[^>]*)>>\nstream\n(.*?)\nendstream`)
	shows   = regexp.MustCompile(`(?s)BT ([0-9.-]+) ([0-9.-]+) Td \(((?:[^\\)]|\\.)*)\) ?Tj`)
	escapes = strings.NewReplacer(`\\`, `\`, `\(`, `(`, `\)`, `)`, `\r`, "\r")
)

// readPDF returns the texts of the pages of a PDF.
func readPDF(t testing.TB, pdf []byte) (pages [][]shown) {
	t.Helper()
	for _, stream := range streams.FindAllSubmatch(pdf, -1) {
		r, err := zlib.NewReader(bytes.NewReader(stream[2]))
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(content, []byte(" Td (")) { // a font
			continue
		}
		var texts []shown
		for _, match := range shows.FindAllSubmatch(content, -1) {
			texts = append(texts, shown{decodeText(string(match[3])), millimetres(t, match[1]), 297 - millimetres(t, match[2])})
		}
		pages = append(pages, texts)
	}
	if len(pages) == 0 {
		t.Fatal("the PDF has no text")
	}
	return pages
}

func decodeText(text string) string {
	raw := []byte(escapes.Replace(text))
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16(raw[2*i:])
	}
	return string(utf16.Decode(units))
}

func millimetres(t testing.TB, points []byte) float64 {
	t.Helper()
	value, err := strconv.ParseFloat(string(points), 64)
	if err != nil {
		t.Fatal(err)
	}
	return value * 25.4 / 72
}

// textOf returns the texts of a page, each in a line.
func textOf(page []shown) string {
	var text strings.Builder
	for _, s := range page {
		text.WriteString(s.text + "\n")
	}
	return text.String()
}

package feed

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"souk/shared/api"
	"souk/shared/strictjson"
)

const (
	// MaxLineBytes is the maximum length of a line. A product with texts of the maximum
	// length fits, and one line cannot exhaust the memory.
	MaxLineBytes = 256 << 10
	// MaxLineErrors is the maximum number of errors that are reported for a line.
	MaxLineErrors = 20
)

var errLongLine = errors.New("line too long")

// lineReader reads a text line by line, without line ends. Lines can be unread.
type lineReader struct {
	text       *bufio.Reader
	lineNumber int      // of the line read last
	pending    [][]byte // the lines that were unread
}

func newLineReader(text io.Reader) *lineReader { return &lineReader{text: bufio.NewReader(text)} }

// next returns the next line, io.EOF after the last one, or errLongLine for a line that
// it skipped because it is too long.
func (l *lineReader) next() ([]byte, error) {
	if len(l.pending) > 0 {
		line := l.pending[0]
		l.pending = l.pending[1:]
		l.lineNumber++
		return line, nil
	}
	var line []byte
	tooLong := false
	for {
		part, err := l.text.ReadSlice('\n')
		if tooLong = tooLong || len(line)+len(part) > MaxLineBytes; !tooLong {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(line) > 0 || tooLong), err == nil:
			l.lineNumber++
			if l.lineNumber == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff")) // a byte order mark, as spreadsheets write it
			}
			if tooLong {
				return nil, errLongLine
			}
			return bytes.TrimRight(line, "\r\n"), nil
		default:
			return nil, err
		}
	}
}

// unread puts back the lines that were read last.
func (l *lineReader) unread(lines [][]byte) {
	l.pending = append(slices.Clone(lines), l.pending...)
	l.lineNumber -= len(lines)
}

// nextNonBlank returns the next line that is not blank.
func (l *lineReader) nextNonBlank() ([]byte, error) {
	for {
		line, err := l.next()
		if err != nil || len(bytes.TrimSpace(line)) > 0 {
			return line, err
		}
	}
}

// Line is a product of a file before validation.
type Line struct {
	Number int              // of its first line
	Bytes  int              // its length
	SKU    string           // for its result, if it can be read
	Fields any              // as strictjson returns them
	Errs   []api.FieldError // syntax errors
}

func (l *Line) addError(location, code, format string, args ...any) {
	l.Errs = append(l.Errs, api.FieldError{Location: location, Code: code, Message: fmt.Sprintf(format, args...)})
}

// Reader reads the products of a file. Its error is io.EOF at the end, or the reason why
// nothing more can be read.
type Reader interface {
	Next() (Line, error)
}

type ndjsonReader struct{ lines *lineReader }

// NewNDJSONReader returns a new Reader of lines of JSON.
func NewNDJSONReader(file io.Reader) Reader { return ndjsonReader{newLineReader(file)} }

// Next implements Reader.
func (r ndjsonReader) Next() (line Line, err error) {
	text, err := r.lines.nextNonBlank()
	line.Number = r.lines.lineNumber
	if errors.Is(err, errLongLine) {
		line.addError("line", api.FieldTooLong, "must have at most %d bytes", MaxLineBytes)
		return line, nil
	}
	if err != nil {
		return line, err
	}
	line.Bytes, line.SKU = len(text), readableSKU(text)
	if line.Fields, err = strictjson.Parse(text, ""); err != nil {
		line.Errs = append(line.Errs, lineError(err))
	}
	return line, nil
}

// readableSKU returns the SKU of a line, which may be invalid JSON after the SKU.
func readableSKU(text []byte) string {
	decoder := json.NewDecoder(bytes.NewReader(text))
	if begin, err := decoder.Token(); err != nil || begin != json.Delim('{') {
		return ""
	}
	for decoder.More() {
		name, err := decoder.Token()
		if err != nil {
			return ""
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return ""
		}
		if name == "sku" {
			var sku string
			_ = json.Unmarshal(value, &sku) // a value that is no string leaves it empty
			return sku
		}
	}
	return ""
}

// lineError returns an error of strictjson as a field error with a location in the line.
func lineError(err error) api.FieldError {
	field, ok := errors.AsType[api.FieldError](err)
	if !ok {
		return api.FieldError{Location: "line", Code: api.FieldSyntax, Message: "must be valid JSON"}
	}
	if field.Location = strings.TrimPrefix(field.Location, "."); field.Location == "" {
		field.Location = "line"
	}
	return field
}

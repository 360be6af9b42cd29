package product

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

// maxLineBytes is the longest line of a catalogue: a product of the longest texts
// fits, and one line cannot fill the memory.
const maxLineBytes = 256 << 10

var errLongLine = errors.New("line too long")

// lineReader reads a text line by line, without its end. Lines can be put back.
type lineReader struct {
	text *bufio.Reader
	last int // the number of the line read last
	back [][]byte
}

func newLineReader(text io.Reader) *lineReader { return &lineReader{text: bufio.NewReader(text)} }

// next returns a line, io.EOF after the last one, or errLongLine for one that it
// has skipped.
func (l *lineReader) next() ([]byte, error) {
	if len(l.back) > 0 {
		line := l.back[0]
		l.back = l.back[1:]
		l.last++
		return line, nil
	}
	var line []byte
	long := false
	for {
		part, err := l.text.ReadSlice('\n')
		if long = long || len(line)+len(part) > maxLineBytes; !long {
			line = append(line, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF) && (len(line) > 0 || long), err == nil:
			l.last++
			if l.last == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff")) // spreadsheets begin with it
			}
			if long {
				return nil, errLongLine
			}
			return bytes.TrimRight(line, "\r\n"), nil
		default:
			return nil, err
		}
	}
}

// putBack returns the lines that were read last to the reader.
func (l *lineReader) putBack(lines [][]byte) {
	l.back = append(slices.Clone(lines), l.back...)
	l.last -= len(lines)
}

// nextFilled returns the next line that is not blank.
func (l *lineReader) nextFilled() ([]byte, error) {
	for {
		line, err := l.next()
		if err != nil || len(bytes.TrimSpace(line)) > 0 {
			return line, err
		}
	}
}

// fileLine is a product as a file has it, before its rules are checked.
type fileLine struct {
	number int              // of its first line
	bytes  int              // its length
	sku    string           // for its result, if it can be read
	fields any              // as strictjson returns them
	errs   []api.FieldError // of its form
}

func (l *fileLine) fail(location, code, format string, args ...any) {
	l.errs = append(l.errs, api.FieldError{Location: location, Code: code, Message: fmt.Sprintf(format, args...)})
}

// catalogReader reads the products of a catalogue. The error is io.EOF at the end,
// or else why nothing more can be read.
type catalogReader interface {
	next() (fileLine, error)
}

type ndjsonReader struct{ lines *lineReader }

func (r ndjsonReader) next() (line fileLine, err error) {
	text, err := r.lines.nextFilled()
	line.number = r.lines.last
	if errors.Is(err, errLongLine) {
		line.fail("line", api.FieldTooLong, "must have at most %d bytes", maxLineBytes)
		return line, nil
	}
	if err != nil {
		return line, err
	}
	line.bytes, line.sku = len(text), readableSKU(text)
	if line.fields, err = strictjson.Parse(text, ""); err != nil {
		line.errs = append(line.errs, lineError(err))
	}
	return line, nil
}

// readableSKU returns the SKU of a line, which need be JSON only as far as that.
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
			_ = json.Unmarshal(value, &sku) // another type is none
			return sku
		}
	}
	return ""
}

// lineError returns an error of strictjson with a location within the line.
func lineError(err error) api.FieldError {
	field, ok := errors.AsType[api.FieldError](err)
	if !ok {
		return api.FieldError{Location: "line", Code: api.FieldSyntax, Message: "not readable as JSON"}
	}
	if field.Location = strings.TrimPrefix(field.Location, "."); field.Location == "" {
		field.Location = "line"
	}
	return field
}

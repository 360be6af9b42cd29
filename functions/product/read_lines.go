package product

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
)

// maxLineBytes is the longest line of a catalogue: a product of the longest texts
// fits, and one line fills no memory.
const maxLineBytes = 256 << 10

var errLongLine = fmt.Errorf("longer than %d bytes", maxLineBytes)

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

// putBack has lines that were read last be read again.
func (l *lineReader) putBack(lines [][]byte) {
	l.back = append(slices.Clone(lines), l.back...)
	l.last -= len(lines)
}

// catalogReader reads products of a catalogue, each as the JSON of a record. The
// number is that of the product's first line. An error is one of that line alone,
// unless it is a fatalError; io.EOF is the end.
type catalogReader interface {
	next() (number int, record []byte, err error)
}

// fatalError is an error after which nothing more can be read.
type fatalError struct{ error }

func (e fatalError) Unwrap() error { return e.error }

// nextFilled returns the next line that is not blank.
func (l *lineReader) nextFilled() ([]byte, error) {
	for {
		line, err := l.next()
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, errLongLine):
			return nil, err
		case err != nil:
			return nil, fatalError{err}
		case len(bytes.TrimSpace(line)) > 0:
			return line, nil
		}
	}
}

type ndjsonReader struct{ lines *lineReader }

func (r ndjsonReader) next() (int, []byte, error) {
	line, err := r.lines.nextFilled()
	return r.lines.last, line, err
}

// csvColumns are the columns of a catalogue as CSV. Any may be left out but sku.
var csvColumns = []string{"sku", "name", "description", "category", "price", "currency", "stock", "status", "images", "attributes"}

type csvReader struct {
	lines   *lineReader
	columns []string
}

// newCSVReader reads the heading.
func newCSVReader(lines *lineReader) (*csvReader, error) {
	r := &csvReader{lines: lines}
	_, columns, err := r.row()
	if err != nil {
		return nil, fmt.Errorf("the first line must name the columns: %w", err)
	}
	for i, column := range columns {
		if !slices.Contains(csvColumns, column) || slices.Contains(columns[:i], column) {
			return nil, fmt.Errorf("column %d must be one of %s, each once", i+1, strings.Join(csvColumns, ", "))
		}
	}
	if !slices.Contains(columns, "sku") {
		return nil, errors.New("there must be a column sku")
	}
	r.columns = columns
	return r, nil
}

// row reads a row, which has several lines where a quoted cell has. A quote that
// is not closed would swallow the rest of the file: then the row is its first
// line, a bad one, and the next row begins on the line after it.
func (r *csvReader) row() (number int, cells []string, err error) {
	first, err := r.lines.nextFilled()
	number = r.lines.last
	if err != nil {
		return number, nil, err
	}
	lines := [][]byte{first}
	length, quotes := len(first), bytes.Count(first, []byte{'"'})
	for quotes%2 == 1 {
		line, err := r.lines.next()
		if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errLongLine) {
			return number, nil, fatalError{err}
		}
		if errors.Is(err, errLongLine) {
			line = []byte{'"'} // stands for it: a bad line of its own
		}
		if length += len(line); err != nil || length > maxLineBytes {
			if !errors.Is(err, io.EOF) {
				lines = append(lines, line)
			}
			r.lines.putBack(lines[1:])
			return number, nil, errors.New("a quote is not closed")
		}
		lines = append(lines, line)
		quotes += bytes.Count(line, []byte{'"'})
	}
	cells, err = csv.NewReader(bytes.NewReader(bytes.Join(lines, []byte{'\n'}))).Read()
	if err == nil && r.columns != nil && len(cells) != len(r.columns) {
		err = fmt.Errorf("%d cells, but the heading has %d", len(cells), len(r.columns))
	}
	if err != nil {
		r.lines.putBack(lines[1:])
		if parse := (*csv.ParseError)(nil); errors.As(err, &parse) {
			err = parse.Err
		}
	}
	return number, cells, err
}

func (r *csvReader) next() (int, []byte, error) {
	number, cells, err := r.row()
	if err != nil {
		return number, nil, err
	}
	record, price := map[string]any{}, map[string]any{}
	for i, cell := range cells {
		switch column := r.columns[i]; {
		case cell == "":
			// As if the column were not there.
		case column == "price":
			price["amount"] = number64(cell)
		case column == "currency":
			price["currency"] = cell
		case column == "stock":
			record["stock"] = number64(cell)
		case column == "images":
			record["images"] = strings.Fields(cell)
		case column == "attributes" && json.Valid([]byte(cell)):
			record["attributes"] = json.RawMessage(cell)
		default:
			record[column] = cell
		}
	}
	if len(price) > 0 {
		record["price"] = price
	}
	text, err := json.Marshal(record)
	return number, text, err
}

var wholeNumber = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,17})$`)

// number64 returns a number, or the cell itself, which the record's rules refuse.
func number64(cell string) any {
	if wholeNumber.MatchString(cell) {
		return json.RawMessage(cell)
	}
	return cell
}

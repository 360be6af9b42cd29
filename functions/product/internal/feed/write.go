package feed

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"reflect"
	"strconv"
	"strings"

	"souk/shared/money"
)

// WriteNDJSON writes products as lines of JSON. Empty fields are included, so that an
// import sets them.
func (f *Format[P]) WriteNDJSON(w io.Writer, products []P) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false) // escapes could make a line longer than MaxLineBytes
	object := reflect.New(f.object)
	for i := range products {
		p := reflect.ValueOf(&products[i]).Elem()
		for j, field := range f.exported {
			object.Elem().Field(j).Set(p.FieldByIndex(field.index))
		}
		if err := encoder.Encode(object.Interface()); err != nil {
			return err
		}
	}
	return nil
}

// WriteCSV writes products as rows, after a header if the file begins with them.
func (f *Format[P]) WriteCSV(w io.Writer, first bool, products []P) error {
	table := csv.NewWriter(w)
	if first {
		_ = table.Write(f.header()) // Error below returns its error
	}
	for i := range products {
		var row []string
		p := reflect.ValueOf(&products[i]).Elem()
		for _, field := range f.exported {
			cells, err := formatCells(field.kind, p.FieldByIndex(field.index))
			if err != nil {
				return err
			}
			row = append(row, cells...)
		}
		_ = table.Write(row)
	}
	table.Flush()
	return table.Error()
}

// header returns the names of the columns of an export.
func (f *Format[P]) header() []string {
	var names []string
	for _, field := range f.exported {
		names = append(names, field.name)
		if field.kind == priceCell {
			names = append(names, currencyColumn)
		}
	}
	return names
}

// formatCells returns the cells of a value: two of a price, one of any other.
func formatCells(kind kind, value reflect.Value) ([]string, error) {
	switch kind {
	case priceCell:
		m, _ := reflect.TypeAssert[money.Money](value) // kindOf has checked the type
		return []string{strconv.FormatInt(m.Amount, 10), m.Currency}, nil
	case textCell:
		return []string{value.String()}, nil
	case integerCell:
		return []string{formatInteger(value)}, nil
	case listCell:
		texts := make([]string, value.Len())
		for i := range texts {
			texts[i] = value.Index(i).String()
		}
		return []string{strings.Join(texts, " ")}, nil
	default:
		cell, err := formatJSON(value)
		return []string{cell}, err
	}
}

// formatInteger returns an integer, or an empty cell for null.
func formatInteger(value reflect.Value) string {
	if value.Kind() == reflect.Pointer {
		if value.IsNil() {
			return ""
		}
		value = value.Elem()
	}
	return strconv.FormatInt(value.Int(), 10)
}

// formatJSON returns a value as JSON, or an empty cell for an empty object.
func formatJSON(value reflect.Value) (string, error) {
	if value.Kind() == reflect.Map && value.Len() == 0 {
		return "", nil
	}
	var cell strings.Builder
	encoder := json.NewEncoder(&cell)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(value.Interface())
	return strings.TrimSuffix(cell.String(), "\n"), err
}

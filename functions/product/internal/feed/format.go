// Package feed reads and writes the files of the import and the export of products: NDJSON,
// and CSV for spreadsheets.
package feed

import (
	"reflect"
	"slices"
	"strings"

	"souk/shared/money"
)

// Format is the format of files with products of type P. Its columns follow from the JSON
// fields of what an import reads, so that a new field is in both formats.
type Format[P any] struct {
	columns  []column // that an import accepts
	exported []exportedField
	object   reflect.Type // an object of an export
}

// kind is how the value of a field is written in a cell.
type kind int

const (
	textCell     kind = iota
	integerCell       // an empty cell is a missing value
	priceCell         // the amount; the column currency has its currency
	currencyCell      // an empty cell is a missing value
	listCell          // texts, separated by white space
	jsonCell          // an empty cell is null
	ignoredCell       // only in an export
)

// column is a column that an import accepts.
type column struct {
	name string
	kind kind
	// required reports whether its cells must have a value.
	required bool
}

// exportedField is a field that an export has.
type exportedField struct {
	name  string
	kind  kind
	index []int // of the field in P
}

// currencyColumn is the column of a price's currency.
const currencyColumn = "currency"

// NewFormat returns a new format of products of type P, which an import reads as type R.
// An export has the fields of P that R has, and those that an import ignores.
func NewFormat[R, P any](ignoredColumns ...string) *Format[P] {
	f := &Format[P]{}
	for _, field := range jsonFields(reflect.TypeFor[R]()) {
		name, kind := jsonName(field), kindOf(field.Type)
		isNullable := field.Tag.Get("nullable") == "true"
		f.columns = append(f.columns, column{name, kind, kind == priceCell || kind == textCell && !isNullable})
		if kind == priceCell {
			f.columns = append(f.columns, column{name: currencyColumn, kind: currencyCell})
		}
	}
	for _, name := range ignoredColumns {
		f.columns = append(f.columns, column{name: name, kind: ignoredCell})
	}
	var members []reflect.StructField
	for _, field := range jsonFields(reflect.TypeFor[P]()) {
		if _, found := f.column(jsonName(field)); !found {
			continue
		}
		f.exported = append(f.exported, exportedField{jsonName(field), kindOf(field.Type), field.Index})
		members = append(members, reflect.StructField{Name: field.Name, Type: field.Type, Tag: field.Tag})
	}
	f.object = reflect.StructOf(members)
	return f
}

// column returns the column with a name.
func (f *Format[P]) column(name string) (column, bool) {
	i := slices.IndexFunc(f.columns, func(c column) bool { return c.name == name })
	if i < 0 {
		return column{}, false
	}
	return f.columns[i], true
}

// columnNames returns the names of the columns that an import accepts.
func (f *Format[P]) columnNames() []string {
	names := make([]string, len(f.columns))
	for i, c := range f.columns {
		names[i] = c.name
	}
	return names
}

// jsonFields returns the fields of a struct that its JSON has, including those of embedded
// structs, in their order.
func jsonFields(t reflect.Type) []reflect.StructField {
	return slices.DeleteFunc(reflect.VisibleFields(t), func(field reflect.StructField) bool {
		return field.Anonymous || !field.IsExported() || jsonName(field) == "" || jsonName(field) == "-"
	})
}

func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	return name
}

// kindOf returns the kind of the cells of a type.
func kindOf(t reflect.Type) kind {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[money.Money](), t == reflect.TypeFor[money.PriceInput]():
		return priceCell
	case t.Kind() == reflect.String:
		return textCell
	case t.Kind() == reflect.Int64:
		return integerCell
	case t.Kind() == reflect.Slice:
		return listCell
	}
	return jsonCell
}

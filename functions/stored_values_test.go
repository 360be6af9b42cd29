package functions_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"souk/functions"
	"souk/shared/database"
	"souk/shared/function/functiontest"
	"souk/shared/manifest"
)

// storedBefore has values that earlier versions stored and that no operation accepts today,
// as SQL, by the name of the column in any table.
var storedBefore = map[string]string{
	"price_currency": `'DEM'`, "total_currency": `'HRK'`,
	"country": `'XX'`, "phone": `'030 1234'`,
	"role":             `IF(role = 'customer', 'root', role)`, // the admins of the test remain admins
	"shipping_address": `'{"name":"Amira\u0001Haddad","line1":"12 Market Street\\nBack door","postalCode":"10115","city":"\u0007","country":"YU"}'`,

	"name": withControl("name"), "description": withControl("description"), "category": withControl("category"), "reason": withControl("reason"),
	"company": withControl("company"), "line1": withControl("line1"), "line2": withControl("line2"), "postal_code": withControl("postal_code"),
	"city": withControl("city"), "region": withControl("region"),
}

func withControl(column string) string { return "CONCAT(LEFT(" + column + ", 10), CHAR(1), CHAR(10))" }

// plantStored sets the values of storedBefore in every row of every table, and returns the
// changed columns.
func plantStored(t *testing.T, db *database.DB) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `
		SELECT table_name, column_name
		FROM information_schema.columns
		WHERE table_schema = DATABASE()`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	assignments := map[string][]string{}
	var columns []string
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		if value, planted := storedBefore[column]; planted {
			assignments[table] = append(assignments[table], column+" = "+value)
			columns = append(columns, column)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for table, values := range assignments {
		if _, err := db.ExecContext(t.Context(), "UPDATE "+table+" SET "+strings.Join(values, ", ")); err != nil {
			t.Fatal(err)
		}
	}
	return columns
}

// TestStoredBefore stores values that violate the current rules in every table, and requires
// that every operation succeeds with them. It sends a PATCH for each field: a PATCH checks
// the fields of the request, not the stored ones.
func TestStoredBefore(t *testing.T) {
	t.Parallel()
	var planted sync.Map
	t.Cleanup(func() {
		for column := range storedBefore {
			if _, ok := planted.Load(column); !ok {
				t.Errorf("no table has a column %s: it was not tested", column)
			}
		}
	})
	forEachFunction(t, func(t *testing.T, s *functiontest.Server, f manifest.Function) {
		by, e := mustCreateCaller(t, s, f), mustFindExample(t, f)
		if e.create == nil && f.Method() == http.MethodGet {
			mustCreateListed(t, s, f, by)
		}
		request := requestTo(t, s, f, by)
		for _, column := range plantStored(t, s.DB) {
			planted.Store(column, true)
		}
		if f.Name == "checkout-complete" { // for the total in the currency that its products have now
			request.Body = object{"version": 1, "total": object{"amount": 2 * 1299, "currency": "DEM"}}
		}
		if request.Method != http.MethodPatch {
			requireSuccess(t, s.Do(t, request))
			return
		}
		body := e.body(t, s, by)
		for _, name := range slices.Sorted(maps.Keys(body)) { // the shop has no settings before its currency
			value := body[name]
			request.Body = expand(object{name: value}, true)
			if name == "price?" {
				request.Body = expand(object{"price": value}, false) // in its own currency
			}
			if response := s.Do(t, request); response.Status != http.StatusOK {
				t.Errorf("%s: got %d: %s", mustJSON(t, request.Body), response.Status, response.Body)
			}
		}
	})
}

// mustCreateListed creates resources of the account that a list of the service contains.
func mustCreateListed(t *testing.T, s *functiontest.Server, list manifest.Function, by account) {
	t.Helper()
	for _, f := range functions.Manifest().FunctionsOf(list.Service) {
		if create := mustFindExample(t, f).create; create != nil && f.Access == list.Access {
			create(t, s, by)
		}
	}
}

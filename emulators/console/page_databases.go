package console

import "net/http"

func databasesPage(*Console) page {
	return page{
		name: "databases", title: "Databases", text: "Connections, statements and tables",
		view: func(*http.Request) (any, error) { return nil, nil },
	}
}

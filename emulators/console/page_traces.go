package console

import "net/http"

func tracesPage(*Console) page {
	return page{
		name: "traces", title: "Traces", text: "Requests across functions, databases and Pub/Sub",
		view: func(*http.Request) (any, error) { return nil, nil },
	}
}

package console

import "net/http"

func loadPage(*Console) page {
	return page{
		name: "load", title: "Load", text: "Send requests and watch the system",
		view: func(*http.Request) (any, error) { return nil, nil },
	}
}

package console

import "net/http"

func logsPage(*Console) page {
	return page{
		name: "logs", title: "Logs", text: "What the functions log, live",
		view: func(*http.Request) (any, error) { return nil, nil },
	}
}

package console

import "net/http"

func labPage(*Console) page {
	return page{
		name: "lab", title: "Lab", text: "Experiments on the running system",
		view: func(*http.Request) (any, error) { return nil, nil },
	}
}

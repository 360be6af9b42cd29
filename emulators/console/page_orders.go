package console

import "net/http"

func ordersPage(*Console) page {
	return page{
		name: "orders", title: "Orders", text: "One order from placed to delivered",
		view: func(*http.Request) (any, error) { return nil, nil },
	}
}

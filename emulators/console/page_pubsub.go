package console

import "net/http"

func pubsubPage(*Console) page {
	return page{
		name: "pubsub", title: "Pub/Sub", text: "Topics, subscriptions and dead letters",
		view: func(*http.Request) (any, error) { return nil, nil },
	}
}

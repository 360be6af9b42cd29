package main

import "fmt"

// works returns all works, in the order of the table.
func works() []work {
	return []work{
		ordersWork(), latencyWork(), payWork(), hotWork(),
		getWork(), crowdWork(), gatewayWork(), listWork(),
		searchWork(), flatWork(), staffWork(), loginsWork(), startWork(), overloadWork(),
	}
}

func ordersWork() work {
	return work{
		name: "orders", title: "Orders of two products, at many clients, through the gateway, until the last mail",
		bound: "CPU: its split by process class is below. The floor sends 17 statements in 3 transactions an order, " +
			"and no HTTP.",
		figures: []figure{
			{"rate", "orders confirmed", "1/s", []bar{atLeastOf(4, base), atLeastOf(0.4, floor)}},
			{"p50", "placed to confirmed, p50", "ms", nil},
			{"p99", "placed to confirmed, p99", "ms", nil},
			{"database", "CPU of the database", "ms/order", []bar{atMost(2)}},
			{"functions", "CPU of the functions", "ms/order", []bar{atMost(2.5)}},
			{"souk", "CPU of the souk process", "ms/order", []bar{atMost(1.5)}},
			{"load", "CPU of the load program", "ms/order", nil},
			{"statements", "statements, BEGIN and COMMIT included", "1/order", []bar{atMost(10)}},
			{"commits", "durable commits", "1/order", []bar{atMost(0.5)}},
			{"syncs", "syncs of the binary log", "1/order", nil},
			{"refused", "requests refused", "%", nil},
			{"lost", "orders placed and not decided", "", []bar{atMost(0)}},
		},
		prepare: prepareOrders,
	}
}

func latencyWork() work {
	return work{
		name: "latency", title: "Placed to confirmed, one client, through the gateway",
		bound:   "The path of the events: three functions, each with a transaction and a publication, and the waiting read.",
		figures: []figure{{"p50", "p50", "ms", []bar{atMost(15)}}, {"p99", "p99", "ms", []bar{atMost(30)}}},
		prepare: prepareLatency,
	}
}

func payWork() work {
	return work{
		name: "pay", title: "Pay an order: placed, paid and confirmed, one client, through the gateway",
		bound: "The path of the events and of the provider's callback: nine transactions and four requests to the provider. " +
			"The customer's time on the payment page is not in it. The floor sends the statements of an order and of its payment " +
			"in 6 transactions, and two requests to a provider of its own, without functions and events.",
		figures: []figure{
			{"p50", "p50", "ms", []bar{atMost(60)}}, {"p99", "p99", "ms", nil},
			{"payable", "placed until it can be paid, p50", "ms", nil},
			{"confirmed", "card entered until confirmed, p50", "ms", nil},
			{"lost", "orders paid and not confirmed", "", []bar{atMost(0)}},
		},
		prepare: preparePay,
	}
}

func hotWork() work {
	return work{
		name: "hot", title: "One product that all buyers order",
		bound: "The lock of one row: how many orders a transaction takes, and how long it holds the lock.",
		figures: []figure{
			{"spread", "orders of 100 products, few buyers", "1/s", nil},
			{"hot", "orders of one product, few buyers", "1/s", nil},
			{"hotShare", "of the rate of 100 products", "×", []bar{atLeast(0.9)}},
			{"many", "orders of one product, many buyers", "1/s", nil},
			{"manyShare", "of the rate of few buyers", "×", []bar{atLeast(0.85)}},
			{"unavailable", "503 to many buyers", "%", []bar{atMost(1)}},
			{"oversold", "units sold besides confirmed orders", "", []bar{atMost(0)}},
			{"lost", "orders placed and not decided", "", []bar{atMost(0)}},
		},
		prepare: prepareHot,
	}
}

func getWork() work {
	return work{
		name: "get", title: "product-get on its own port, 16 clients, GOMAXPROCS=1",
		bound: "CPU of one core for the function, and the round trip of one SELECT.",
		figures: []figure{
			{"rate", "requests", "1/s", []bar{atLeastOf(0.8, floor)}},
			{"functions", "CPU of the function", "µs", []bar{atMost(140)}},
			{"database", "CPU of the database", "µs", []bar{atMost(115)}},
			{"p99", "p99", "ms", nil},
		},
		prepare: prepareGet(16, 1),
	}
}

func crowdWork() work {
	return work{
		name: "get-crowd", title: "product-get on its own port, 64 clients, 100 products",
		bound:   "As get; equal reads at the same time may share a query.",
		figures: []figure{{"rate", "requests", "1/s", []bar{atLeastOf(1.2, floor)}}, {"p99", "p99", "ms", nil}},
		prepare: prepareGet(64, 100),
	}
}

func gatewayWork() work {
	return work{
		name: "get-gateway", title: "product-get through the local gateway, 16 clients; the floor on its own port",
		bound: "CPU: the gateway is a second HTTP server beside the function, on the same cores.",
		figures: []figure{
			{"rate", "requests", "1/s", []bar{atLeastOf(0.6, floor)}},
			{"souk", "CPU of the souk process", "µs", nil}, {"functions", "CPU of the functions", "µs", nil},
			{"database", "CPU of the database", "µs", nil}, {"load", "CPU of the load program", "µs", nil},
			{"p99", "p99", "ms", nil},
		},
		prepare: prepareGateway,
	}
}

func listWork() work {
	return work{
		name: "list", title: "product-list, 20 of 1,000 products, own port, 16 clients",
		bound:   "CPU of the function: decoding 20 rows and encoding them as JSON.",
		figures: []figure{{"rate", "requests", "1/s", []bar{atLeastOf(0.75, floor)}}, {"p99", "p99", "ms", nil}},
		prepare: prepareList,
	}
}

func searchWork() work {
	return work{
		name: "search", title: "Search of two random words among ROWS products, 4 clients, beside gets",
		bound: "Index entries read for the words of a search.",
		figures: []figure{
			{"rate", "searches", "1/s", nil}, {"p99", "search, p99", "ms", nil}, {"getP99", "get, p99", "ms", nil},
			{"ratio", "search p99 / get p99", "×", []bar{atMost(15)}},
		},
		prepare: prepareSearch,
	}
}

func flatWork() work {
	w := work{
		name: "flat", title: "p50 of one client with ROWS rows, beside 1,000 rows",
		bound: "The number of index entries that a read touches, and the depth of the indexes.", prepare: prepareFlat,
	}
	for _, read := range flatReads {
		w.figures = append(w.figures, figure{read.name, read.name, "ms", []bar{atMostOf(1.3, small)}})
	}
	return w
}

func staffWork() work {
	w := work{
		name: "staff", title: "p99 of what staff searches among ROWS orders, accounts and products, 4 clients, beside product-get",
		bound: "Index entries read until the page is full, at most 2,000 a list.", prepare: prepareStaff,
	}
	for _, read := range staffReads {
		w.figures = append(w.figures, figure{read.name, read.name, "ms", []bar{atMostOf(15, gets)}})
	}
	return w
}

func loginsWork() work {
	return work{
		name: "logins", title: "product-get during simultaneous logins, through the gateway",
		bound: "Password hashes: each takes CPU for tens of milliseconds on cores that reads share.",
		figures: []figure{
			{"quiet", "get p99, quiet", "ms", nil}, {"flood", "get p99, during logins", "ms", nil},
			{"ratio", "during logins / quiet", "×", []bar{atMost(5)}},
			{"signedIn", "logins that succeeded", "%", nil},
		},
		prepare: prepareLogins,
	}
}

func startWork() work {
	return work{
		name: "start", title: "Start and size of a function",
		bound: "Initialization of packages and the first connection to the database; the libraries that are linked.",
		figures: []figure{
			{"start", "exec to the first 200", "ms", []bar{atMost(20)}},
			{"size", "largest stripped binary", "MB", []bar{atMost(27)}},
			{"memory", "anonymous memory, idle", "MiB", []bar{atMost(4.5)}},
		},
		prepare: prepareStart,
	}
}

func overloadWork() work {
	return work{
		name: "overload", title: fmt.Sprintf("Overload: orders of %d times the clients", overloadFactor),
		bound: "What a refused request costs, and what is refused first.",
		figures: []figure{
			{"peak", "orders confirmed, before", "1/s", nil}, {"goodput", "orders confirmed, during", "1/s", nil},
			{"share", "of the peak", "%", []bar{atLeast(80)}},
			{"recovery", "until 80 % of the peak again", "s", []bar{atMost(5)}},
			{"refused", "requests refused", "%", nil},
			{"lost", "orders placed and not decided", "", []bar{atMost(0)}},
		},
		prepare: prepareOverload,
	}
}

//go:build !container

package local

import (
	"context"
	"fmt"

	"souk/emulators/gateway"
	"souk/emulators/pubsub"
	"souk/shared/database"
)

// Hop is a connection between two parts.
type Hop string

// The hops that an experiment may route through a proxy.
const (
	ToFunction Hop = "gateway to function"
	ToDatabase Hop = "function to database"
	ToPubSub   Hop = "function to pub/sub"
	Push       Hop = "pub/sub to function"
)

// Hops returns all kinds of hops.
func Hops() []Hop { return []Hop{ToFunction, ToDatabase, ToPubSub, Push} }

// route returns the address at which a part is reached over a hop from or to a function.
func (s *System) route(hop Hop, function, address string) string {
	if s.options.Route == nil {
		return address
	}
	return s.options.Route(hop, function, address)
}

// routeURL returns a database's URL with the address of the hop to it.
func (s *System) routeURL(function string, url database.URL) database.URL {
	cfg, err := database.ParseURL(string(url))
	if s.options.Route == nil || err != nil { // the function reports an invalid URL
		return url
	}
	cfg.Addr = s.route(ToDatabase, function, cfg.Addr)
	return database.FormatURL(cfg)
}

// routeTo returns a function's URL with the address of a hop to it.
func (s *System) routeTo(hop Hop, function, url string) string {
	const scheme = "http://"
	if s.options.Route == nil {
		return url
	}
	return scheme + s.route(hop, function, url[len(scheme):])
}

// gatewayOptions returns the options of the gateway that are about its way to the functions.
func (s *System) gatewayOptions() gateway.Options {
	if s.options.Route == nil {
		return gateway.Options{Backend: s.platform.URL, Transport: s.platform.Transport}
	}
	return gateway.Options{Backend: func(function string) string { return s.routeTo(ToFunction, function, s.platform.URL(function)) }}
}

// StopBroker stops the Pub/Sub broker, as an outage does. Messages are stored.
func (s *System) StopBroker(ctx context.Context) error {
	if broker := s.restarted.Load(); broker != nil {
		return broker.Close(ctx)
	}
	return s.broker.Close(ctx)
}

// StartBroker starts the broker again at its address after StopBroker.
func (s *System) StartBroker(ctx context.Context) error {
	options := s.brokerOptions()
	options.Addr = s.broker.Addr()
	broker, err := pubsub.Start(ctx, options)
	if err != nil {
		return fmt.Errorf("start the broker again: %w", err)
	}
	s.restarted.Store(broker)
	return nil
}

// RunSchedule calls a scheduled function now, regardless of its schedule.
func (s *System) RunSchedule(ctx context.Context, function string) error {
	return s.scheduler.Run(ctx, function)
}

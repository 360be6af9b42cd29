//go:build !container

package local

import (
	"fmt"

	"souk/emulators/console/messages"
	"souk/emulators/mysql"
	"souk/emulators/pubsub"
	"souk/shared/database"
)

// currentBroker returns the broker, also after an experiment has restarted it.
func (s *System) currentBroker() *pubsub.Broker {
	if broker := s.restarted.Load(); broker != nil {
		return broker
	}
	return s.broker
}

// undelivered returns the messages that are not acknowledged and match.
func (s *System) undelivered(match func(attributes map[string]string) bool) []pubsub.Peeked {
	return s.currentBroker().PeekAll(match)
}

// messages returns the console's source of messages.
func (s *System) messages() *messages.Source {
	return messages.New(messages.Options{
		Host: s.broker.Addr(), Project: Project, Embedded: s.currentBroker,
		Record: messages.LogRecords(s.log.With("part", "console")),
	})
}

// adminURLs returns the URLs of the services' databases for the administrator.
func (s *System) adminURLs() (map[string]database.URL, error) {
	urls := map[string]database.URL{}
	for service, name := range s.databases {
		url, err := mysql.DatabaseURL(s.server.AdminURL(), name)
		if err != nil {
			return nil, fmt.Errorf("the URL of database %s: %w", name, err)
		}
		urls[service] = url
	}
	return urls, nil
}

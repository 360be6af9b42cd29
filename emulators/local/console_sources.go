//go:build !container

package local

import (
	"fmt"

	"souk/emulators/console/messages"
	"souk/emulators/mysql"
	"souk/emulators/pubsub"
	"souk/emulators/pubsub/deadletters"
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

// messages returns the console's source of messages. Replayed and discarded dead letters
// are logged with their attributes, without their data.
func (s *System) messages() *messages.Source {
	log := s.log.With("part", "console")
	return messages.New(messages.Options{
		Host: s.broker.Addr(), Project: Project, Embedded: s.currentBroker,
		Record: func(r deadletters.Record) error {
			log.Info("act on a dead letter", "action", r.Action, "reason", r.Why, "subscription", r.Subscription,
				"messageId", r.MessageID, "attributes", r.Attributes, "topic", r.Topic, "newMessageId", r.NewMessageID)
			return nil
		},
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

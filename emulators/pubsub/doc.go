// Package pubsub is a Pub/Sub broker in the process: topics, push and pull
// subscriptions, retries, dead letters and ordering, as Google Cloud's behave,
// kept on disk. Clients are the ordinary ones of cloud.google.com/go/pubsub/v2,
// with PUBSUB_EMULATOR_HOST set to its address.
//
// What it takes from where: the rules are those of the documentation,
// https://cloud.google.com/pubsub/docs; docs/fidelity.md lists what differs, and
// one conformance suite holds this broker and Google's own emulator to it.
//
// It is not built on pstest, the fake that comes with the client: pstest does
// not push, polls each subscription every 10 ms, forgets what is undelivered for
// ten minutes while it keeps every acknowledged message for ever, has no
// ModifyPushConfig, and its maps can't be filled again after a restart. What
// would be left of it is less than what would have to be worked around. The
// tests use it to check the filter language.
//
//	broker.go       start and stop              timekeeper.go  when to check the queues
//	publisher.go    the API for topics          subscriber.go  for subscriptions
//	pull.go         for pulling                 stream.go      for streaming
//	snapshot.go     for snapshots               seek.go        for seeking
//	schema.go       for schemas: there are none request.go     masks and pages
//	check.go        what is refused             check_message.go  limits of messages
//	deliver.go      which message is sent when  consumer.go    streams that take them
//	queue.go        the rules of one queue      lane.go        of one ordering key
//	timers.go       what becomes due            acknowledge.go ack ids, exactly-once
//	push.go         the push request            deadletter.go  dead letters
//	filter.go       the filter language         chaos.go       duplicates on purpose
//	retention.go    what a seek may bring back  keep.go        when the journal is written
//	journal.go      the file                    record.go      its records
//	compact.go      the shortest journal        topology.go    what the functions need
//	prune.go        what they no longer need
package pubsub

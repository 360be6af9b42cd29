// Package pubsub is an in-process Pub/Sub broker: topics, push and pull
// subscriptions, retries, dead letters and ordering, with the behavior of Google
// Cloud's and durable storage. Clients use cloud.google.com/go/pubsub/v2 with
// PUBSUB_EMULATOR_HOST set to its address.
//
// The rules are those of https://cloud.google.com/pubsub/docs; docs/fidelity.md
// lists the differences. One conformance suite tests this broker and Google's own
// emulator.
//
// It is not built on pstest, the fake that comes with the client: pstest does not
// push, polls each subscription every 10 ms, drops undelivered messages after ten
// minutes but stores acknowledged ones without limit, has no ModifyPushConfig, and
// its state can't be restored after a restart. The tests use it to check the filter
// language.
//
//	broker.go       start and stop              timekeeper.go    when to check the queues
//	publisher.go    API for topics              subscriber.go    API for subscriptions
//	pull.go         API for pulling             stream.go        API for streaming
//	snapshot.go     API for snapshots           seek.go          API for seeking
//	schema.go       API for schemas: empty      request.go       masks and pages
//	check.go        validation of resources     check_message.go limits of messages
//	deliver.go      dispatch and retries        consumer.go      open streams
//	queue.go        the rules of one queue      lane.go          one ordering key
//	timers.go       heap of due deliveries      acknowledge.go   ack ids, exactly-once
//	push.go         push requests               deadletter.go    dead letters
//	filter.go       the filter language         chaos.go         deliberate duplicates
//	retention.go    messages for seeks          persistence.go   when the journal is written
//	journal.go      the journal file            record.go        its records
//	compact.go      journal compaction          topology.go      resources of a manifest
//	prune.go        obsolete subscriptions
package pubsub

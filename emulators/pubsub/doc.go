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
//	broker.go      life and death of the broker
//	publisher.go   the API for topics        subscriber.go  for subscriptions
//	pull.go        the API for pulling       stream.go      and for streaming
//	consumer.go    who pulls                 check.go       what is refused
//	deliver.go     who gets what when        queue.go       the rules of one queue
//	push.go        the push request          deadletter.go  the last resort
//	filter.go      the filter language       chaos.go       deliveries made worse
//	keep.go        when what is written      journal.go     the file
//	record.go      what stands in it         topology.go    what the functions need
//	prune.go       what they no longer do    timekeeper.go  when to check the queues
package pubsub

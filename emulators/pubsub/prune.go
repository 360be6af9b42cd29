package pubsub

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cloud.google.com/go/pubsub/v2"
	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/api/iterator"

	"souk/shared/manifest"
)

// Prune deletes the push subscriptions of functions that are not in the manifest,
// with their waiting messages, and returns their names. Without it, those messages
// would be retried without end.
//
// It recognizes a subscription that Apply created by its name, which joins those of
// the function and the topic, and by its dead-letter topic of that name. It leaves all
// others alone. Dead letters stay and can be read and discarded.
func Prune(ctx context.Context, client *pubsub.Client, list *manifest.Manifest) ([]string, error) {
	wanted := map[string]bool{}
	for _, f := range list.Functions {
		for _, topic := range f.Topics() {
			wanted[f.Subscription(topic)] = true
		}
	}
	orphans, err := orphans(ctx, client, wanted)
	if err != nil {
		return nil, err
	}
	var pruned []string
	for _, name := range orphans {
		err := client.SubscriptionAdminClient.DeleteSubscription(ctx, &pb.DeleteSubscriptionRequest{
			Subscription: subscriptionPath(client.Project(), name),
		})
		if err != nil {
			return pruned, fmt.Errorf("delete subscription %s of a removed function: %w", name, err)
		}
		pruned = append(pruned, name)
	}
	return pruned, nil
}

// orphans returns the names of subscriptions that Apply created and that are not
// wanted any more.
func orphans(ctx context.Context, client *pubsub.Client, wanted map[string]bool) ([]string, error) {
	var names []string
	list := client.SubscriptionAdminClient.ListSubscriptions(ctx, &pb.ListSubscriptionsRequest{Project: "projects/" + client.Project()})
	for {
		s, err := list.Next()
		if errors.Is(err, iterator.Done) {
			return names, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the subscriptions of project %s: %w", client.Project(), err)
		}
		if _, name := splitName(s.GetName()); !wanted[name] && createdByApply(client.Project(), name, s) {
			names = append(names, name)
		}
	}
}

// createdByApply reports whether a subscription looks like one that Apply created.
func createdByApply(project, name string, s *pb.Subscription) bool {
	function, topic, both := strings.Cut(name, ".")
	expected := manifest.Function{Name: function}
	return both && s.GetPushConfig().GetPushEndpoint() != "" &&
		s.GetTopic() == topicPath(project, topic) &&
		s.GetDeadLetterPolicy().GetDeadLetterTopic() == topicPath(project, expected.DeadLetterTopic(topic))
}

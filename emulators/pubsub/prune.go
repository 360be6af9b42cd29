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

// Prune deletes the subscriptions of functions that a manifest no longer has, with
// the messages that wait in them, and returns their names. Left alone they would
// be delivered to nobody for ever.
//
// It knows a function's subscription by how Apply makes it: its name is that of
// the function and of the topic it hangs on, and what fails goes to the dead-letter
// topic of that name. All others are somebody else's. Dead letters stay, and can be
// looked at and discarded.
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
			return pruned, fmt.Errorf("delete subscription %s, whose function is gone: %w", name, err)
		}
		pruned = append(pruned, name)
	}
	return pruned, nil
}

// orphans returns the names of subscriptions that Apply has made, and that nobody
// wants any more.
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
		if _, name := splitName(s.GetName()); !wanted[name] && isOurs(client.Project(), name, s) {
			names = append(names, name)
		}
	}
}

// isOurs says whether a subscription is as Apply makes those of functions.
func isOurs(project, name string, s *pb.Subscription) bool {
	function, topic, both := strings.Cut(name, ".")
	made := manifest.Function{Name: function}
	return both && s.GetPushConfig().GetPushEndpoint() != "" &&
		s.GetTopic() == topicPath(project, topic) &&
		s.GetDeadLetterPolicy().GetDeadLetterTopic() == topicPath(project, made.DeadLetterTopic(topic))
}

package pubsub

import (
	"cmp"
	"net/url"
	"regexp"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Limits of https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#subscription
const (
	defaultAckDeadline = 10 // seconds
	maxAckDeadline     = 600
	minMaxAttempts     = 5
	maxMaxAttempts     = 100
	maxBackoff         = 600 * time.Second
	defaultRetention   = 7 * 24 * time.Hour
	minRetention       = 10 * time.Minute
	maxRetention       = 31 * 24 * time.Hour
	defaultExpiration  = 31 * 24 * time.Hour
	minExpiration      = 24 * time.Hour
)

// resourceID is https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
var resourceID = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$`)

// checkName checks "projects/{project}/{collection}/{id}".
func checkName(name, collection string) error {
	parts := strings.Split(name, "/")
	if len(parts) != 4 || parts[0] != "projects" || parts[1] == "" || parts[2] != collection ||
		!resourceID.MatchString(parts[3]) || strings.HasPrefix(parts[3], "goog") {
		return status.Errorf(codes.InvalidArgument, "Invalid [%s] name: (name=%s)", collection, name)
	}
	return nil
}

// checkProject checks "projects/{project}".
func checkProject(name string) error {
	if id, ok := strings.CutPrefix(name, "projects/"); !ok || id == "" || strings.Contains(id, "/") {
		return status.Errorf(codes.InvalidArgument, "Invalid [projects] name: (name=%s)", name)
	}
	return nil
}

// checkTopic checks a topic's configuration. It rejects what is not emulated:
// accepting and ignoring it would mislead.
func checkTopic(config *pb.Topic) error {
	switch {
	case config.GetSchemaSettings() != nil:
		return notEmulated("schema_settings")
	case config.GetIngestionDataSourceSettings() != nil:
		return notEmulated("ingestion_data_source_settings")
	case len(config.GetMessageTransforms()) > 0:
		return notEmulated("message_transforms")
	}
	if policy := config.GetMessageStoragePolicy(); policy != nil && len(policy.GetAllowedPersistenceRegions()) == 0 {
		return errNoRegions
	}
	return checkRetention(config.GetMessageRetentionDuration())
}

var errNoRegions = status.Error(codes.InvalidArgument,
	"message_storage_policy: allowed_persistence_regions must not be empty: no region would be allowed")

func checkRetention(retention *durationpb.Duration) error {
	if retention == nil {
		return nil
	}
	if d := retention.AsDuration(); d < minRetention || d > maxRetention {
		return status.Errorf(codes.InvalidArgument, "message_retention_duration must be %v to %v, got %v", minRetention, maxRetention, d)
	}
	return nil
}

func checkExpiration(policy *pb.ExpirationPolicy) error {
	if policy.GetTtl() == nil { // a missing policy is the default one, an empty policy never expires
		return nil
	}
	if ttl := policy.GetTtl().AsDuration(); ttl < minExpiration {
		return status.Errorf(codes.InvalidArgument, "expiration_policy.ttl must be at least %v, got %v", minExpiration, ttl)
	}
	return nil
}

func notEmulated(field string) error {
	return status.Errorf(codes.Unimplemented, "%s is not emulated", field)
}

func (b *Broker) checkSubscription(config *pb.Subscription) error {
	switch {
	case config.GetBigqueryConfig() != nil:
		return notEmulated("bigquery_config")
	case config.GetCloudStorageConfig() != nil:
		return notEmulated("cloud_storage_config")
	case config.GetBigtableConfig() != nil:
		return notEmulated("bigtable_config")
	case len(config.GetMessageTransforms()) > 0:
		return notEmulated("message_transforms")
	}
	if seconds := config.GetAckDeadlineSeconds(); seconds != 0 {
		if err := checkAckDeadline(seconds); err != nil {
			return err
		}
	}
	if err := cmp.Or(checkRetention(config.GetMessageRetentionDuration()), checkExpiration(config.GetExpirationPolicy())); err != nil {
		return err
	}
	if config.GetEnableExactlyOnceDelivery() && config.GetPushConfig().GetPushEndpoint() != "" {
		return status.Error(codes.InvalidArgument, "enable_exactly_once_delivery is not supported for push subscriptions")
	}
	if _, err := parseFilter(config.GetFilter()); err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	if err := b.checkPushConfig(config.GetPushConfig()); err != nil {
		return err
	}
	if err := checkRetryPolicy(config.GetRetryPolicy()); err != nil {
		return err
	}
	return b.checkDeadLetterPolicy(config.GetDeadLetterPolicy())
}

func checkAckDeadline(seconds int32) error {
	if seconds < defaultAckDeadline || seconds > maxAckDeadline {
		return status.Errorf(codes.InvalidArgument, "ack_deadline_seconds must be %d to %d, got %d", defaultAckDeadline, maxAckDeadline, seconds)
	}
	return nil
}

func (b *Broker) checkPushConfig(config *pb.PushConfig) error {
	if config.GetPushEndpoint() == "" {
		return nil
	}
	if u, err := url.Parse(config.GetPushEndpoint()); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return status.Errorf(codes.InvalidArgument, "Invalid push endpoint given (endpoint=%s): want http:// or https:// and a host.", config.GetPushEndpoint())
	}
	if config.GetNoWrapper() != nil {
		return notEmulated("push_config.no_wrapper")
	}
	if config.GetOidcToken() != nil && b.options.Tokens == nil {
		return status.Error(codes.FailedPrecondition, "push_config.oidc_token: this broker was started without a token issuer")
	}
	return nil
}

func checkRetryPolicy(policy *pb.RetryPolicy) error {
	minimum, maximum := policyMinBackoff, policyMaxBackoff
	if policy.GetMinimumBackoff() != nil {
		minimum = policy.GetMinimumBackoff().AsDuration()
	}
	if policy.GetMaximumBackoff() != nil {
		maximum = policy.GetMaximumBackoff().AsDuration()
	}
	if minimum < 0 || maximum > maxBackoff || minimum > maximum {
		return status.Errorf(codes.InvalidArgument, "retry_policy: want 0 <= minimum_backoff <= maximum_backoff <= %v, got %v and %v", maxBackoff, minimum, maximum)
	}
	return nil
}

func (b *Broker) checkDeadLetterPolicy(policy *pb.DeadLetterPolicy) error {
	if policy == nil {
		return nil
	}
	if n := policy.GetMaxDeliveryAttempts(); n != 0 && (n < minMaxAttempts || n > maxMaxAttempts) {
		return status.Errorf(codes.InvalidArgument, "max_delivery_attempts must be %d to %d, got %d", minMaxAttempts, maxMaxAttempts, n)
	}
	_, err := b.findTopic(policy.GetDeadLetterTopic())
	return err
}

// fillSubscription sets the defaults that Pub/Sub returns.
func fillSubscription(config *pb.Subscription) {
	config.State = pb.Subscription_ACTIVE
	if config.AckDeadlineSeconds == 0 {
		config.AckDeadlineSeconds = defaultAckDeadline
	}
	if config.MessageRetentionDuration == nil {
		config.MessageRetentionDuration = durationpb.New(defaultRetention)
	}
	if config.ExpirationPolicy == nil {
		config.ExpirationPolicy = &pb.ExpirationPolicy{Ttl: durationpb.New(defaultExpiration)}
	}
	// The field is output only: describe sets it from the topic.
	config.TopicMessageRetentionDuration = nil
	if config.PushConfig == nil {
		config.PushConfig = &pb.PushConfig{}
	}
	if policy := config.DeadLetterPolicy; policy != nil && policy.MaxDeliveryAttempts == 0 {
		policy.MaxDeliveryAttempts = defaultMaxAttempts
	}
	if policy := config.RetryPolicy; policy != nil {
		if policy.MinimumBackoff == nil {
			policy.MinimumBackoff = durationpb.New(policyMinBackoff)
		}
		if policy.MaximumBackoff == nil {
			policy.MaximumBackoff = durationpb.New(policyMaxBackoff)
		}
	}
}

package pubsub

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

// Limits of https://cloud.google.com/pubsub/docs/reference/rpc/google.pubsub.v1#subscription
const (
	defaultAckDeadline = 10 // seconds
	maxAckDeadline     = 600
	minMaxAttempts     = 5
	maxMaxAttempts     = 100
	maxBackoff         = 600 * time.Second
	defaultRetention   = 7 * 24 * time.Hour

	defaultPageSize = 1000
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

// checkTopic refuses what is not emulated: to accept and ignore it would mislead.
func checkTopic(config *pb.Topic) error {
	switch {
	case config.GetSchemaSettings() != nil:
		return notEmulated("schema_settings")
	case config.GetIngestionDataSourceSettings() != nil:
		return notEmulated("ingestion_data_source_settings")
	case len(config.GetMessageTransforms()) > 0:
		return notEmulated("message_transforms")
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
	case config.GetEnableExactlyOnceDelivery():
		return notEmulated("enable_exactly_once_delivery")
	case config.GetRetainAckedMessages():
		return notEmulated("retain_acked_messages")
	case len(config.GetMessageTransforms()) > 0:
		return notEmulated("message_transforms")
	}
	if seconds := config.GetAckDeadlineSeconds(); seconds != 0 {
		if err := checkAckDeadline(seconds); err != nil {
			return err
		}
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
		return status.Errorf(codes.InvalidArgument, "an ack deadline is %d to %d s, got %d", defaultAckDeadline, maxAckDeadline, seconds)
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
		return status.Errorf(codes.InvalidArgument, "max_delivery_attempts is %d to %d, got %d", minMaxAttempts, maxMaxAttempts, n)
	}
	_, err := b.findTopic(policy.GetDeadLetterTopic())
	return err
}

// fillSubscription sets the defaults that Pub/Sub answers with.
func fillSubscription(config *pb.Subscription) {
	config.State = pb.Subscription_ACTIVE
	if config.AckDeadlineSeconds == 0 {
		config.AckDeadlineSeconds = defaultAckDeadline
	}
	if config.MessageRetentionDuration == nil {
		config.MessageRetentionDuration = durationpb.New(defaultRetention)
	}
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

// replaceFields copies the fields named by the mask, which must be among those
// that may change.
func replaceFields(to, from proto.Message, mask *fieldmaskpb.FieldMask, changeable ...string) error {
	if len(mask.GetPaths()) == 0 {
		return status.Error(codes.InvalidArgument, "The update_mask in the request must be set and not empty.")
	}
	for _, path := range mask.GetPaths() {
		if !slices.Contains(changeable, path) {
			return status.Errorf(codes.InvalidArgument, "Invalid update_mask provided: %q is not a known mutable field.", path)
		}
		field := to.ProtoReflect().Descriptor().Fields().ByName(protoreflect.Name(path))
		if from.ProtoReflect().Has(field) {
			to.ProtoReflect().Set(field, from.ProtoReflect().Get(field))
		} else {
			to.ProtoReflect().Clear(field)
		}
	}
	return nil
}

// pageOf cuts a page out of sorted names. The token is the last name seen.
func pageOf(names []string, size int32, token string) (page []string, next string) {
	start, seen := slices.BinarySearch(names, token)
	if seen {
		start++
	}
	if size <= 0 {
		size = defaultPageSize
	}
	page = names[start:min(start+int(size), len(names))]
	if start+len(page) < len(names) {
		next = page[len(page)-1]
	}
	return page, next
}

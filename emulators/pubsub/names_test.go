package pubsub_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/known/timestamppb"

	"souk/emulators/pubsub"
)

// malformed are invalid resource names.
var malformed = []string{"", "x", "projects", "projects/", "projects/p/things", "projects//topics/name", "projects/p/topics/ab",
	"projects/p/topics/a b c", "projects/p/topics/1ab", "projects/p/topics/name/more", "projects/p/subscriptions/", "/topics/name", "_deleted-topic_"}

// TestMalformedNames sends every malformed name in every name field of every method of
// the API: the error is INVALID_ARGUMENT and contains the field's value. Methods that
// are not implemented are exempt and have to be listed here.
func TestMalformedNames(t *testing.T) {
	t.Parallel()
	notEmulated := []string{"CreateSchema", "CommitSchema", "RollbackSchema", "DeleteSchemaRevision", "ValidateSchema", "ValidateMessage"}
	b := mustStart(t, pubsub.Options{})
	connection, err := grpc.NewClient(b.Addr(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	c := mustConnect(t, b.Addr())
	topic := c.mustTopic(t)
	valid := map[string]string{
		"project": "projects/" + project, "parent": "projects/" + project, "topic": topic, "subscription": c.mustSubscribe(t, topic),
		"snapshot": "projects/" + project + "/snapshots/none",
	}
	fields := 0
	for _, file := range []protoreflect.FileDescriptor{pb.File_google_pubsub_v1_pubsub_proto, pb.File_google_pubsub_v1_schema_proto} {
		for i := range file.Services().Len() {
			service := file.Services().Get(i)
			for j := range service.Methods().Len() {
				method := service.Methods().Get(j)
				full := fmt.Sprintf("/%s/%s", service.FullName(), method.Name())
				if slices.Contains(notEmulated, string(method.Name())) {
					if err := invoke(t, connection, full, method, mustNew(t, method.Input())); status.Code(err) != codes.Unimplemented {
						t.Errorf("%s is listed as not emulated: %v", full, err)
					}
					continue
				}
				for _, field := range nameFields(method.Input()) {
					fields++
					t.Run(fmt.Sprintf("%s/%s", method.Name(), field), func(t *testing.T) {
						for _, name := range malformed {
							testMalformedName(t, connection, full, method, field, valid, name)
						}
					})
				}
			}
		}
	}
	if fields < 30 {
		t.Errorf("only %d name fields were found", fields)
	}
}

func testMalformedName(t *testing.T, connection *grpc.ClientConn, full string, method protoreflect.MethodDescriptor, field string, valid map[string]string, name string) {
	t.Helper()
	if name == "" && full == "/google.pubsub.v1.Subscriber/CreateSnapshot" && field == "name" {
		return // the server chooses a name
	}
	request := mustNew(t, method.Input())
	fill(request, valid)
	setName(request.ProtoReflect(), field, name)
	if err := invoke(t, connection, full, method, request); status.Code(err) != codes.InvalidArgument {
		t.Errorf("%s = %q: error = %v, want InvalidArgument", field, name, err)
	}
}

// nameFields returns the fields of a request that name a resource; "topic.name" is the
// name in a resource.
func nameFields(request protoreflect.MessageDescriptor) []string {
	var list []string
	for i := range request.Fields().Len() {
		field := request.Fields().Get(i)
		switch name := string(field.Name()); {
		case field.Kind() == protoreflect.StringKind && slices.Contains([]string{"name", "topic", "subscription", "snapshot", "project", "parent"}, name):
			list = append(list, name)
		case field.Kind() == protoreflect.MessageKind && slices.Contains([]string{"topic", "subscription", "snapshot"}, name):
			list = append(list, name+".name")
		}
	}
	return list
}

func setName(m protoreflect.Message, field, name string) {
	if resource, ok := trimName(field); ok {
		f := m.Descriptor().Fields().ByName(protoreflect.Name(resource))
		setName(m.Mutable(f).Message(), "name", name)
		return
	}
	m.Set(m.Descriptor().Fields().ByName(protoreflect.Name(field)), protoreflect.ValueOfString(name))
}

func trimName(field string) (resource string, ok bool) {
	const suffix = ".name"
	if len(field) > len(suffix) && field[len(field)-len(suffix):] == suffix {
		return field[:len(field)-len(suffix)], true
	}
	return field, false
}

// fill sets the required fields of a request other than the name under test.
func fill(request proto.Message, valid map[string]string) {
	m := request.ProtoReflect()
	for _, field := range nameFields(m.Descriptor()) {
		if name, ok := valid[field]; ok {
			setName(m, field, name)
		}
	}
	switch request := request.(type) {
	case *pb.Topic:
		request.Name = valid["topic"] + "-new"
	case *pb.Subscription:
		request.Name = valid["subscription"] + "-new"
	case *pb.PublishRequest:
		request.Messages = []*pb.PubsubMessage{text("x")}
	case *pb.PullRequest:
		request.MaxMessages, request.ReturnImmediately = 1, true //nolint:staticcheck // Deprecated, but the only way not to wait.
	case *pb.StreamingPullRequest:
		request.StreamAckDeadlineSeconds = 10
	case *pb.SeekRequest:
		request.Target = &pb.SeekRequest_Time{Time: timestamppb.Now()}
	}
}

// invoke calls a method. For a stream it returns the first result.
func invoke(t *testing.T, connection *grpc.ClientConn, full string, method protoreflect.MethodDescriptor, request proto.Message) error {
	t.Helper()
	response := mustNew(t, method.Output())
	if !method.IsStreamingClient() {
		return connection.Invoke(t.Context(), full, request, response)
	}
	ctx, cancel := context.WithTimeout(t.Context(), waitLimit)
	defer cancel()
	stream, err := connection.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, full)
	if err != nil {
		return err
	}
	if err := stream.SendMsg(request); err != nil {
		return err
	}
	return stream.RecvMsg(response)
}

// mustNew returns an empty message of a type.
func mustNew(t *testing.T, descriptor protoreflect.MessageDescriptor) proto.Message {
	t.Helper()
	kind, err := protoregistry.GlobalTypes.FindMessageByName(descriptor.FullName())
	if err != nil {
		t.Fatal(err)
	}
	return kind.New().Interface()
}

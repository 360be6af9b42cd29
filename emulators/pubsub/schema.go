package pubsub

import (
	"context"

	pb "cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
)

// schemaService serves google.pubsub.v1.SchemaService. Schemas are not emulated and
// can't be created, so every list is empty.
type schemaService struct {
	pb.UnimplementedSchemaServiceServer
}

// ListSchemas returns an empty list.
func (schemaService) ListSchemas(_ context.Context, request *pb.ListSchemasRequest) (*pb.ListSchemasResponse, error) {
	if err := checkProject(request.GetParent()); err != nil {
		return nil, err
	}
	return &pb.ListSchemasResponse{}, nil
}

// GetSchema returns NOT_FOUND.
func (schemaService) GetSchema(_ context.Context, request *pb.GetSchemaRequest) (*pb.Schema, error) {
	return nil, noSchema(request.GetName())
}

// ListSchemaRevisions returns NOT_FOUND.
func (schemaService) ListSchemaRevisions(_ context.Context, request *pb.ListSchemaRevisionsRequest) (*pb.ListSchemaRevisionsResponse, error) {
	return nil, noSchema(request.GetName())
}

// DeleteSchema returns NOT_FOUND.
func (schemaService) DeleteSchema(_ context.Context, request *pb.DeleteSchemaRequest) (*emptypb.Empty, error) {
	return nil, noSchema(request.GetName())
}

func noSchema(name string) error {
	if err := checkName(name, "schemas"); err != nil {
		return err
	}
	return status.Errorf(codes.NotFound, "Resource not found (resource=%s).", name)
}

package pubsub

import (
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/fieldmaskpb"
)

const defaultPageSize = 1000

// replaceFields copies the fields named by the mask, which must be changeable ones.
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

// paginate returns a page of sorted names. The token is the last name of the page.
func paginate(names []string, size int32, token string) (page []string, next string) {
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

package note

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"souk/shared/api"
	"souk/shared/database"
	"souk/shared/trail"
)

// TagsInput is the input of an operation that replaces the tags of a resource.
type TagsInput struct {
	ID uuid.UUID `path:"id" format:"uuid"`
	api.IfMatch
	Body struct {
		Tags []string `json:"tags" format:"label" maxItems:"20" minLength:"1" maxLength:"40" doc:"All tags. Case does not matter when they are compared. An empty list removes the tags." example:"[\"gift\",\"fragile\"]"`
	}
}

// Resolve implements huma.Resolver. It requires each tag once.
func (in *TagsInput) Resolve(huma.Context) []error {
	var errs []error
	seen := map[string]bool{}
	for i, tag := range in.Body.Tags {
		folded := FoldTag(tag)
		if seen[folded] {
			errs = append(errs, api.FieldError{
				Location: fmt.Sprintf("body.tags[%d]", i), Code: api.FieldDuplicate, Message: "is a duplicate: list each tag once, whatever its case",
			})
		}
		seen[folded] = true
	}
	return errs
}

// FoldTag returns the form in which tags are compared and stored in the table of tags. It has at most three
// times as many characters as the tag.
func FoldTag(tag string) string { return norm.NFC.String(cases.Fold().String(norm.NFC.String(tag))) }

// EncodeTags returns tags as they are stored with the resource: NULL for none.
func EncodeTags(tags []string) ([]byte, error) {
	if len(tags) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(tags)
	if err != nil {
		return nil, fmt.Errorf("encode tags: %w", err)
	}
	return text, nil
}

// DecodeTags returns tags that EncodeTags has encoded: nil for none.
func DecodeTags(column []byte) (tags []string, err error) {
	if column == nil {
		return nil, nil
	}
	if err := json.Unmarshal(column, &tags); err != nil {
		return nil, fmt.Errorf("decode tags: %w", err)
	}
	return tags, nil
}

// ReplaceTags replaces the rows by which a locked resource is found by its tags, and records the change in
// the trail. The caller stores them with the resource, for responses.
func (s Subject) ReplaceTags(ctx context.Context, tx *database.Tx, id uuid.UUID, before, after []string, now time.Time) error {
	old, current := foldTags(before), foldTags(after)
	if err := s.deleteTags(ctx, tx, id, without(old, current)); err != nil {
		return fmt.Errorf("delete tags of %s %s: %w", s.Resource, id, err)
	}
	if err := s.insertTags(ctx, tx, id, without(current, old)); err != nil {
		return fmt.Errorf("insert tags of %s %s: %w", s.Resource, id, err)
	}
	oldValue, newValue := any(before), any(after)
	if s.Personal {
		oldValue, newValue = trail.Personal(before), trail.Personal(after)
	}
	return trail.Record(ctx, tx, trail.Change{
		Resource: s.Resource, ID: id, Before: trail.Fields{"tags": oldValue}, After: trail.Fields{"tags": newValue}, At: now,
	})
}

// foldTags returns tags in the form of FoldTag, in ascending order: transactions that insert rows in this
// order do not deadlock.
func foldTags(tags []string) []string {
	folded := make([]string, len(tags))
	for i, tag := range tags {
		folded[i] = FoldTag(tag)
	}
	slices.Sort(folded)
	return folded
}

// without returns the tags that are not in the other list.
func without(tags, others []string) []string {
	return slices.DeleteFunc(slices.Clone(tags), func(tag string) bool { return slices.Contains(others, tag) })
}

func (s Subject) deleteTags(ctx context.Context, tx *database.Tx, id uuid.UUID, folded []string) error {
	if len(folded) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `
		DELETE FROM `+s.Tags+`
		WHERE tag IN (`+database.Placeholders(len(folded))+`) AND `+s.Key+` = ?`, append(database.Args(folded), id[:])...)
	return err
}

func (s Subject) insertTags(ctx context.Context, tx *database.Tx, id uuid.UUID, folded []string) error {
	rows := make([][]any, len(folded))
	for i, tag := range folded {
		rows[i] = []any{tag, id[:]}
	}
	return database.InsertRows(ctx, tx, s.Tags+` (tag, `+s.Key+`)`, "", rows)
}

package souk

import (
	"context"
	"iter"
	"time"
)

// Items returns all items of a list, which read reads page by page, as far as the loop goes:
//
//	orders := souk.Items(func(token string) ([]souk.Order, string, error) {
//		page, err := shop.OrderListWithResponse(ctx, &souk.OrderListParams{PageToken: souk.PageToken(token)})
//		if err != nil {
//			return nil, "", err
//		}
//		return souk.Page(page.JSON200.Items, page.JSON200.NextPageToken)
//	})
func Items[T any](read func(token string) (items []T, next string, err error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		token := ""
		for {
			items, next, err := read(token)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if token = next; token == "" {
				return
			}
		}
	}
}

// PageToken returns the parameter of a list for a page.
func PageToken(token string) *string {
	if token == "" {
		return nil
	}
	return &token
}

// Page returns a page as Items needs it.
func Page[T any](items []T, next *string) ([]T, string, error) {
	if next == nil {
		return items, "", nil
	}
	return items, *next, nil
}

// The first and the longest pause between two reads.
const (
	firstPause   = 200 * time.Millisecond
	longestPause = 2 * time.Second
)

// Poll reads until a value is as wanted, with longer and longer pauses, and returns it. It returns the first error, but
// for a 404 with one of the codes notYet: the resource does not exist yet. The context bounds it.
func Poll[T any](ctx context.Context, read func(context.Context) (T, error), done func(T) bool, notYet ...string) (T, error) {
	for pause := firstPause; ; pause = min(longestPause, pause*3/2) {
		value, err := read(ctx)
		switch {
		case err == nil && done(value):
			return value, nil
		case err != nil && !isAny(err, notYet):
			return value, err
		}
		if err := sleep(ctx, pause); err != nil {
			return value, err
		}
	}
}

func isAny(err error, codes []string) bool {
	for _, code := range codes {
		if HasCode(err, code) {
			return true
		}
	}
	return false
}

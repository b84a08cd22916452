package intake

import (
	"errors"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
)

// Page is a part of a list.
type Page[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next" doc:"Cursor of the next page; empty on the last one."`
}

type pageOutput[T any] struct{ Body Page[T] }

// PageQuery is how a list is asked for, in an operation's input.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"200" doc:"As the page before named it in next; without, from the beginning."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most. A page may hold fewer, even none, and still name a next one."`
}

// pageOf is the answer with a page of what was found, each as show tells it.
func pageOf[F, T any](found []F, next string, show func(*F) T) *pageOutput[T] {
	page := Page[T]{Items: make([]T, len(found)), Next: next}
	for i := range found {
		page.Items[i] = show(&found[i])
	}
	return &pageOutput[T]{page}
}

// badCursor is the answer to a cursor that no page has named, nil if that is not what went wrong.
func badCursor(err error) error {
	if !errors.Is(err, numberdb.ErrBadCursor) {
		return nil
	}
	return huma.Error422UnprocessableEntity("", findingAt("query.cursor", unknownCursor))
}

const unknownCursor = "was not named by a page of this list: leave it out, and begin anew"

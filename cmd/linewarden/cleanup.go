package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// cleanUps are what must be done before the process ends, the last registered first: a thing is closed before what it stands on.
// Each is registered the moment its resource exists. Not safe for concurrent use.
type cleanUps struct {
	todo []cleanUp
}

type cleanUp struct {
	name string
	do   func(context.Context) error
}

// add registers a clean-up; name appears in its error.
func (c *cleanUps) add(name string, do func(context.Context) error) {
	c.todo = append(c.todo, cleanUp{name, do})
}

// run does all clean-ups under one time bound, joined with their errors to err. One that fails or comes too late does not keep the
// others from being tried.
func (c *cleanUps) run(bound time.Duration, err error) error {
	ctx, cancel := context.WithTimeout(context.Background(), bound)
	defer cancel()
	errs := []error{err}
	for len(c.todo) > 0 {
		last := c.todo[len(c.todo)-1]
		c.todo = c.todo[:len(c.todo)-1]
		if err := last.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("close %s: %w", last.name, err))
		}
	}
	return errors.Join(errs...)
}

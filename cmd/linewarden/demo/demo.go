// Package demo runs the main job where nothing is installed: a real Asterisk, a real Redis, a Linewarden process, and SIP telephones
// that place calls, listen and press keys, all on loopback. It is a package of its own because it is no part of what operators run.
//
// [Run] starts everything, loads a small list through the intake endpoint, places the sample calls of [cases], and says for each what
// was dialled, what the list says, the verdict, the SIP answer, and what the subscriber's phone heard. A call that did not get what
// its case promises makes the demo fail.
package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"sync"
)

// Options say what a demo is to do.
type Options struct {
	Program string    // path of the linewarden program that is to be shown
	Once    bool      // stop after the sample calls
	JSON    bool      // print one JSON object for each call, and nothing else, to Out
	Out     io.Writer // results
	Err     io.Writer // progress and explanations
}

// Run runs the demo until ctx ends, or with Options.Once until the sample calls are over. The error names every call that did not get
// what it should have, or says what could not be started and what to do about it.
func Run(ctx context.Context, o Options) (err error) {
	s, err := openStage(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	if err := s.loadList(ctx); err != nil {
		return err
	}
	var wrong []error
	for c, play := range s.playAll(ctx) {
		r, err := play()
		if ctx.Err() != nil {
			return errors.New("the demo was stopped before the sample calls were over")
		}
		if err != nil {
			return fmt.Errorf("sample call %q: %w", c.Name, err)
		}
		if err := o.print(r); err != nil {
			return err
		}
		if err := r.differs(c.Want); err != nil {
			wrong = append(wrong, fmt.Errorf("sample call %q: %w", c.Name, err))
		}
	}
	if o.Once || len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	if err := s.mend(ctx); err != nil {
		return err
	}
	s.explain(o.Err)
	<-ctx.Done()
	return nil
}

// playAll gives the sample calls in order. Those that leave the servers alone are played side by side from the start; each of the
// others when its turn comes, after all before it.
func (s *stage) playAll(ctx context.Context) iter.Seq2[aCase, func() (Result, error)] {
	type outcome struct {
		Result
		error
	}
	return func(yield func(aCase, func() (Result, error)) bool) {
		ctx, cancel := context.WithCancel(ctx)
		var playing sync.WaitGroup
		defer playing.Wait()
		defer cancel()
		outcomes := make([]chan outcome, len(cases))
		for i, c := range cases {
			if c.before == nil {
				outcomes[i] = make(chan outcome, 1)
				playing.Go(func() {
					r, err := s.play(ctx, c)
					outcomes[i] <- outcome{r, err}
				})
			}
		}
		for i, c := range cases {
			result := func() (Result, error) { return s.play(ctx, c) }
			if outcomes[i] != nil {
				result = func() (Result, error) { o := <-outcomes[i]; return o.Result, o.error }
			}
			if !yield(c, result) {
				return
			}
		}
	}
}

// print gives one result in the form that was asked for.
func (o Options) print(r Result) error {
	if o.JSON {
		return json.NewEncoder(o.Out).Encode(r)
	}
	_, err := fmt.Fprintln(o.Out, r.text())
	return err
}

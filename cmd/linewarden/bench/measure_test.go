package bench

import (
	"math"
	"slices"
	"sync"
	"testing"
	"time"
)

// effort is how much is measured.
type effort struct {
	rounds, calls int // calls of each way and kind in a round
	delays        int // calls of each way and kind, one at a time
	// The search for the highest rate offers a rate for as long, mostSteps times.
	lasting   time.Duration
	mostSteps int
}

// atOnce is how many calls are under way while processor time is measured.
const atOnce = 8

// measured is what was found out about one way, for calls of one kind.
type measured struct {
	usage  []usage         // for a call, by round
	speed  float64         // calls a second, with atOnce under way, at best
	setUps []time.Duration // one call at a time
	rate   float64         // highest rate in calls a second
}

// table is what was found out about calls of one kind.
type table struct {
	kind    int
	chosen  []int      // ways, bare first
	results []measured // by way
}

// processorTimes places calls in all ways, round by round.
func (x *exchange) processorTimes(b *testing.B, t table, e effort) {
	b.Helper()
	for round := range e.rounds + 1 {
		for i := range t.chosen {
			w := t.chosen[(i+round)%len(t.chosen)]
			begun := time.Now()
			used := x.batch(b, w, t.kind, e.calls)
			if round == 0 {
				continue // what is done once, such as opening connections, is no part of a call
			}
			m := &t.results[w]
			m.usage = append(m.usage, used)
			m.speed = max(m.speed, float64(e.calls)/time.Since(begun).Seconds())
		}
	}
}

// batch places calls, atOnce of them at a time, and gives what each has used.
func (x *exchange) batch(b *testing.B, w, k, calls int) usage {
	b.Helper()
	x.choose(b, ways[w])
	before := x.used(b, ways[w])
	slots := make(chan struct{}, atOnce)
	wrong := make(chan int, calls)
	for range calls {
		slots <- struct{}{}
		x.caller.place(cleanCaller, dialled(w, k), func(p *placed) {
			if p.status != kinds[k].status {
				wrong <- p.status
			}
			<-slots
		})
	}
	for range atOnce {
		slots <- struct{}{}
	}
	x.settle(b)
	used := x.used(b, ways[w]).minus(before).per(calls)
	x.answerer.forget()
	select {
	case status := <-wrong:
		b.Fatalf("%s, calls to be %s: one of %d got %s\n%s", ways[w].what, kinds[k].name, calls, statusText(status), x.asterisk.Log(15))
	default:
	}
	return used
}

// delays places one call at a time, a few of each way in turn, and notes how long each took to be answered.
func (x *exchange) delays(b *testing.B, t table, e effort) {
	b.Helper()
	const (
		rest = 10 * time.Millisecond // in which Asterisk ends the call
		few  = 10
	)
	tick := time.NewTicker(rest)
	defer tick.Stop()
	for turn := 0; turn*few < e.delays; turn++ {
		for i := range t.chosen {
			w := t.chosen[(i+turn)%len(t.chosen)]
			x.choose(b, ways[w])
			for range min(few, e.delays-turn*few) {
				over := make(chan *placed, 1)
				x.caller.place(cleanCaller, dialled(w, t.kind), func(p *placed) { over <- p })
				p := <-over
				if p.status != kinds[t.kind].status {
					b.Fatalf("%s, calls to be %s: one got %s\n%s", ways[w].what, kinds[t.kind].name, statusText(p.status), x.asterisk.Log(15))
				}
				t.results[w].setUps = append(t.results[w].setUps, p.setUp)
				tick.Reset(rest)
				<-tick.C
			}
			x.answerer.forget()
		}
	}
}

// tolerable is the set-up delay that 99 of 100 calls have to stay within at the highest rate.
const tolerable = 100 * time.Millisecond

// highestRates offers calls at rising rates, in all ways in turn, until each has failed three times at its rate:
// the machine may have stalled.
func (x *exchange) highestRates(b *testing.B, t table, e effort) {
	b.Helper()
	const (
		first = 0.4 // of what it took with atOnce under way
		step  = 1.12
		tries = 3
	)
	type search struct {
		rate   float64
		failed int
	}
	searches := make([]search, len(t.results))
	for _, w := range t.chosen {
		searches[w].rate = math.Round(first * t.results[w].speed)
	}
	for range e.mostSteps {
		for _, w := range t.chosen {
			s := &searches[w]
			switch {
			case s.failed == tries:
			case x.sustains(b, w, t.kind, s.rate, e.lasting):
				t.results[w].rate, s.rate, s.failed = s.rate, math.Ceil(s.rate*step), 0
			default:
				if s.failed++; s.failed == tries && t.results[w].rate == 0 {
					s.rate, s.failed = math.Floor(s.rate/2), 0 // even the first was too high
				}
			}
		}
	}
}

// sustains says whether calls that come at a rate are all answered as they should, in time, and without a message sent twice.
func (x *exchange) sustains(b *testing.B, w, k int, rate float64, lasting time.Duration) bool {
	b.Helper()
	x.choose(b, ways[w])
	repeats := x.repeats()
	calls := max(1, int(rate*lasting.Seconds()))
	results := make(chan *placed, calls)
	var under sync.WaitGroup
	due := time.NewTimer(0)
	defer due.Stop()
	begun := time.Now()
	for i := range calls {
		due.Reset(time.Until(begun.Add(time.Duration(float64(i) / rate * float64(time.Second)))))
		<-due.C
		under.Add(1)
		x.caller.place(cleanCaller, dialled(w, k), func(p *placed) {
			results <- p
			under.Done()
		})
	}
	under.Wait()
	close(results)
	x.settle(b)
	x.answerer.forget()
	var setUps []time.Duration
	for p := range results {
		if p.status != kinds[k].status {
			return false
		}
		setUps = append(setUps, p.setUp)
	}
	return x.repeats() == repeats && percentile(setUps, 99) < tolerable
}

// percentile is the smallest value that p of 100 are not above; zero of none.
func percentile[T time.Duration | float64](values []T, p int) T {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}

// ratios are what a call cost in each round over what the bare one cost in the same round.
func (m measured) ratios(bare measured) []float64 {
	var all []float64
	for i, u := range m.usage {
		all = append(all, float64(u.sum())/float64(bare.usage[i].sum()))
	}
	return all
}

// usual is the median of each part, over the rounds.
func (m measured) usual() usage {
	median := func(part func(usage) time.Duration) time.Duration {
		var all []time.Duration
		for _, u := range m.usage {
			all = append(all, part(u))
		}
		return percentile(all, 50)
	}
	return usage{
		asterisk: median(func(u usage) time.Duration { return u.asterisk }),
		helper:   median(func(u usage) time.Duration { return u.helper }),
		redis:    median(func(u usage) time.Duration { return u.redis }),
	}
}

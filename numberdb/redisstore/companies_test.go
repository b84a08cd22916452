package redisstore

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/linewarden/linewarden/numberdb"
)

func TestCompanies(t *testing.T) {
	s, ctx := newStore(t, sharedRedis(t), func(o *Options) { o.Now = time.Now }), soon(t)
	if _, err := s.Company(ctx, "amazon"); !errors.Is(err, numberdb.ErrNoCompany) {
		t.Errorf("an empty registry: %v", err)
	}
	for _, c := range numberdb.ShippedCompanies() {
		if err := s.SetCompany(ctx, numberdb.CompanyRecord{Company: c, Shipped: true}); err != nil {
			t.Fatal(err)
		}
	}
	r := must[numberdb.CompanyRecord](t)(s.Company(ctx, "amazon"))
	if r.Version != 1 || !r.Shipped || r.Name != "Amazon" || len(r.Lines) != 1 {
		t.Errorf("read %+v", r)
	}

	// Of many who change the same version, one wins.
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			mine := r
			mine.Name, mine.Shipped = "Amazon.com", false
			switch err := s.SetCompany(ctx, mine); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, numberdb.ErrOutdated):
				t.Error(err)
			}
		})
	}
	wg.Wait()
	r = must[numberdb.CompanyRecord](t)(s.Company(ctx, "amazon"))
	if won.Load() != 1 || r.Version != 2 || r.Name != "Amazon.com" {
		t.Errorf("%d won, and left %+v", won.Load(), r)
	}
	r.Lines = append(r.Lines, numberdb.GenuineLine{})
	var faults numberdb.Faults
	if err := s.SetCompany(ctx, r); !errors.As(err, &faults) {
		t.Errorf("a line of nothing: %v", err)
	}

	// What somebody else put there hides nothing else.
	for slug, text := range map[string]string{"x": "", "y": "1 {", "z": "{}"} {
		if err := s.client.HSet(ctx, s.keys.companies(), slug, text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	all := must[[]numberdb.CompanyRecord](t)(s.Companies(ctx))
	if len(all) != len(numberdb.ShippedCompanies()) || all[0].Slug > all[1].Slug {
		t.Errorf("%d companies: %+v", len(all), all)
	}
}

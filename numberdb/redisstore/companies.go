package redisstore

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/linewarden/linewarden/numberdb"
)

// Companies are all companies of the registry, by slug. One that cannot be read is left out, which is counted and logged.
func (s *Store) Companies(ctx context.Context) ([]numberdb.CompanyRecord, error) {
	var found []numberdb.CompanyRecord
	err := s.call(ctx, "companies", func(ctx context.Context) error {
		all, err := s.client.HGetAll(ctx, s.keys.companies()).Result()
		for _, text := range all {
			r, err := readCompany(text)
			if err != nil {
				s.unreadable(ctx, "company", -1, err)
				continue
			}
			found = append(found, r)
		}
		return err
	})
	slices.SortFunc(found, func(a, b numberdb.CompanyRecord) int { return cmp.Compare(a.Company.Slug, b.Company.Slug) })
	return found, err
}

// Company is one company of the registry. The error wraps [numberdb.ErrNoCompany] if there is none of that slug.
func (s *Store) Company(ctx context.Context, slug numberdb.Brand) (r numberdb.CompanyRecord, err error) {
	err = s.call(ctx, "company", func(ctx context.Context) error {
		text, err := s.client.HGet(ctx, s.keys.companies(), string(slug)).Result()
		if errors.Is(err, redis.Nil) {
			return numberdb.ErrNoCompany
		}
		if err == nil {
			r, err = readCompany(text)
		}
		return err
	})
	return r, err
}

// SetCompany puts what is known of a company into the registry, in place of the version in r; 0 says that there is none yet. It changes no
// listing: the company's lines are protected by decisions. If somebody else was faster, the error wraps [numberdb.ErrOutdated]. Faults are an
// error of type [numberdb.Faults].
func (s *Store) SetCompany(ctx context.Context, r numberdb.CompanyRecord) error {
	if faults := r.Company.Check(s.options.Now()); faults != nil {
		return fmt.Errorf("number list, company: %w", faults)
	}
	text, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("number list, writing a company: %w", err)
	}
	return s.call(ctx, "company", func(ctx context.Context) error {
		err := s.scripts.company.Run(ctx, s.client, []string{s.keys.companies()}, string(r.Company.Slug), strconv.FormatUint(r.Version, 10), text).Err()
		return scriptError(err)
	})
}

// readCompany reads a version, a blank, and JSON.
func readCompany(text string) (r numberdb.CompanyRecord, err error) {
	version, body, _ := strings.Cut(text, " ")
	if err = json.Unmarshal([]byte(body), &r); err == nil {
		r.Version, err = strconv.ParseUint(version, 10, 64)
	}
	if err != nil {
		return numberdb.CompanyRecord{}, fmt.Errorf("a company of the registry cannot be read: %w", err)
	}
	return r, nil
}

package dialplan

import (
	"slices"
	"testing"
)

func TestVoiceMedia(t *testing.T) {
	for name, tc := range map[string]struct {
		voice   Voice
		slug    string
		prompts []Prompt
		want    []string
	}{
		"a brand that we speak": {NewVoice(), "amazon", []Prompt{PromptWarn, PromptChoices, PromptAdvice}, []string{
			"sound:linewarden/warn-before", "sound:linewarden/brand/amazon", "sound:linewarden/warn-after",
			"sound:linewarden/choices", "sound:linewarden/advice",
		}},
		"no brand":             {NewVoice(), "", []Prompt{PromptWarn}, []string{"sound:linewarden/warn"}},
		"a brand without clip": {NewVoice(), "acme", []Prompt{PromptBlocked}, []string{"sound:linewarden/blocked"}},
		"the zero voice":       {Voice{}, "amazon", []Prompt{PromptWarn}, []string{"sound:linewarden/warn"}},
		"a recorded brand": {NewVoice("acme"), "acme", []Prompt{PromptBlocked}, []string{
			"sound:linewarden/blocked-before", "sound:linewarden/brand/acme", "sound:linewarden/blocked-after",
		}},
		"a path in place of a brand": {NewVoice("../etc"), "../etc", []Prompt{PromptWarn}, []string{"sound:linewarden/warn"}},
	} {
		if got := tc.voice.Media(tc.slug, tc.prompts...); !slices.Equal(got, tc.want) {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func TestPromptOfMedia(t *testing.T) {
	v := NewVoice()
	for _, p := range Prompts() {
		for _, slug := range []string{"", "amazon"} {
			for _, m := range v.Media(slug, p) {
				got, ok := PromptOfMedia(m)
				if m == "sound:linewarden/brand/amazon" {
					if ok {
						t.Errorf("PromptOfMedia(%q) = %q, want none", m, got)
					}
				} else if !ok || got != p {
					t.Errorf("PromptOfMedia(%q) = %q, %v, want %q", m, got, ok, p)
				}
			}
		}
	}
	for _, m := range []string{"", "sound:beep", "sound:linewarden/", "sound:linewarden/other"} {
		if p, ok := PromptOfMedia(m); ok {
			t.Errorf("PromptOfMedia(%q) = %q, want none", m, p)
		}
	}
}

func TestBrandsAreSortedAndValid(t *testing.T) {
	list := Brands()
	if !slices.IsSortedFunc(list, func(a, b Brand) int { return slices.Compare([]byte(a.Slug), []byte(b.Slug)) }) {
		t.Error("brands are not sorted by slug")
	}
	for _, b := range list {
		if !validSlug(b.Slug) || b.Name == "" || BrandName(b.Slug) != b.Name {
			t.Errorf("brand %+v", b)
		}
	}
	if got := BrandName("acme"); got != "acme" {
		t.Errorf("BrandName of an unknown brand = %q", got)
	}
}

package dialplan

import "slices"

// Brand is a company that is often impersonated, and whose name we can speak: how, is in the texts of each language.
type Brand struct {
	Slug string // as in a listing: 1 to 32 of a-z, 0-9 and hyphen
	Name string // as people write it
}

// brands is led by the companies that consumer protection agencies name most often as impersonated (FTC Consumer Sentinel 2023:
// Best Buy's Geek Squad, Amazon, PayPal, Microsoft, Publishers Clearing House); the others are the support lines that are most
// often faked in search results and pop-ups.
var brands = []Brand{
	{Slug: "amazon", Name: "Amazon"},
	{Slug: "apple", Name: "Apple"},
	{Slug: "att", Name: "AT&T"},
	{Slug: "best-buy", Name: "Best Buy"},
	{Slug: "dhl", Name: "DHL"},
	{Slug: "facebook", Name: "Facebook"},
	{Slug: "geek-squad", Name: "Geek Squad"},
	{Slug: "google", Name: "Google"},
	{Slug: "mcafee", Name: "McAfee"},
	{Slug: "microsoft", Name: "Microsoft"},
	{Slug: "netflix", Name: "Netflix"},
	{Slug: "norton", Name: "Norton"},
	{Slug: "paypal", Name: "PayPal"},
	{Slug: "whatsapp", Name: "WhatsApp"},
}

// Brands is all brands that we can speak in every language, by slug.
func Brands() []Brand { return slices.Clone(brands) }

// BrandName is the written name of a brand that we know, and otherwise the slug itself, which is safe to show.
func BrandName(slug string) string {
	for _, b := range brands {
		if b.Slug == slug {
			return b.Name
		}
	}
	return slug
}

func validSlug(s string) bool {
	if s == "" || len(s) > 32 {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' {
			return false
		}
	}
	return true
}

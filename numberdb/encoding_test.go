package numberdb

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
)

// usualListings have their binary form written out: stored lists depend on every byte.
var usualListings = []struct {
	name    string
	listing Listing
	form    string
}{
	{"nothing", Listing{}, "0100"},
	{"opt-out", Listing{Marks: MarkOptOut}, "0110"},
	{"watched callback", Listing{Roles: [RoleCount]RoleListing{{WatchUntil: 0x5123}}}, "0101" + "0008" + "5123"},
	{"warned caller ID with brand",
		Listing{Roles: [RoleCount]RoleListing{{}, {WarnUntil: 0x5101, WatchUntil: 0x5202, Brand: "amazon"}}},
		"0102" + "001c" + "5101" + "5202" + "06616d617a6f6e"},
	{"decided block, do not originate",
		Listing{Roles: [RoleCount]RoleListing{{}, {Override: StandingBlock, OverrideUntil: 1, WarnUntil: 2, WatchUntil: 3, Class: ClassDoNotOriginate}}, Marks: MarkAllowed},
		"0122" + "0b0d" + "0001" + "0002" + "0003"},
	{"protected in both roles",
		Listing{Roles: [RoleCount]RoleListing{{Override: StandingProtected}, {Override: StandingProtected}}},
		"0103" + "0500" + "0500"},
}

func TestListingBinaryForm(t *testing.T) {
	for _, test := range usualListings {
		b, err := test.listing.AppendBinary([]byte("x"))
		if err != nil || fmt.Sprintf("%x", b[1:]) != test.form {
			t.Errorf("%s: %x, %v; want %s", test.name, b[1:], err, test.form)
		}
		if len(b) > 21 {
			t.Errorf("%s takes %d bytes", test.name, len(b)-1)
		}
		var got Listing
		if err := got.UnmarshalBinary(b[1:]); err != nil || got != test.listing {
			t.Errorf("%s is read as %+v, %v", test.name, got, err)
		}
	}
}

func TestListingBinaryRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		want := randomListing(random)
		b, err := want.AppendBinary(nil)
		if err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		var got Listing
		if err := got.UnmarshalBinary(b); err != nil || got != want {
			t.Fatalf("%+v is read back as %+v, %v", want, got, err)
		}
	}
}

// randomListing is any listing, with zeros as likely as in life.
func randomListing(random *rand.Rand) Listing {
	day := func() Day { return Day(random.IntN(2) * random.IntN(1<<16)) }
	brands := []Brand{"", "", "amazon", "best-buy", "0123456789abcdefghijklmnopqrstuv"}
	l := Listing{Marks: Marks(random.IntN(4))}
	for i := range l.Roles {
		if random.IntN(3) == 0 {
			continue
		}
		l.Roles[i] = RoleListing{
			Override: Standing(random.IntN(len(standingNames))), OverrideUntil: day(),
			BlockUntil: day(), WarnUntil: day(), WatchUntil: day(),
			Class: Class(random.IntN(len(classNames))), Brand: brands[random.IntN(len(brands))],
		}
	}
	return l
}

func TestListingBinaryRefuses(t *testing.T) {
	for name, l := range map[string]Listing{
		"standing": {Roles: [RoleCount]RoleListing{{Override: 6}}},
		"class":    {Roles: [RoleCount]RoleListing{{Class: 3}}},
		"brand":    {Roles: [RoleCount]RoleListing{{Brand: "A"}}},
		"marks":    {Marks: 4},
	} {
		if b, err := l.AppendBinary(nil); !errors.Is(err, ErrUnknownName) || len(b) != 0 {
			t.Errorf("unknown %s is written as %x, %v", name, b, err)
		}
	}
	for name, b := range map[string]string{
		"empty":                "",
		"head cut":             "\x01",
		"version 0":            "\x00\x00",
		"no version":           "damaged",
		"unknown role":         "\x01\x04",
		"unknown mark":         "\x01\x40",
		"role cut":             "\x01\x01\x00",
		"role that is nothing": "\x01\x01\x00\x00",
		"unknown standing":     "\x01\x01\x06\x00",
		"unknown class":        "\x01\x01\x18\x00",
		"unknown bits":         "\x01\x01\x25\x00",
		"unknown follower":     "\x01\x01\x05\x20",
		"day cut":              "\x01\x01\x00\x08\x51",
		"day zero":             "\x01\x01\x05\x08\x00\x00",
		"brand missing":        "\x01\x01\x05\x10",
		"brand empty":          "\x01\x01\x05\x10\x00",
		"brand cut":            "\x01\x01\x05\x10\x05amaz",
		"brand no slug":        "\x01\x01\x05\x10\x02A\n",
		"trailing byte":        "\x01\x10\x00",
	} {
		got := Listing{Marks: MarkAllowed}
		if err := got.UnmarshalBinary([]byte(b)); !errors.Is(err, ErrCorruptListing) || got != (Listing{Marks: MarkAllowed}) {
			t.Errorf("%s is read as %+v, %v", name, got, err)
		}
	}
	var got Listing
	if err := got.UnmarshalBinary([]byte("\x02whatever")); !errors.Is(err, ErrNewerFormat) {
		t.Errorf("a newer version is read as %+v, %v", got, err)
	}
}

// FuzzListingUnmarshalBinary: whatever is read is written back as the very same bytes, so that every listing has one form.
func FuzzListingUnmarshalBinary(f *testing.F) {
	for _, u := range usualListings {
		b, err := u.listing.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var l Listing
		if err := l.UnmarshalBinary(b); err != nil {
			if l != (Listing{}) {
				t.Errorf("an error left %+v", l)
			}
			return
		}
		back, err := l.AppendBinary(nil)
		if err != nil || !bytes.Equal(back, b) {
			t.Errorf("%x is written back as %x, %v", b, back, err)
		}
	})
}

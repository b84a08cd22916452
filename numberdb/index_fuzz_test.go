package numberdb

import "testing"

// FuzzIndex makes changes and looks numbers up, four bytes each, and compares with a plain map. Numbers are few and close together, so
// that they meet, and prefixes lie within each other.
func FuzzIndex(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789ABCDEF"))
	f.Add([]byte{0, 0, 0, 1, 0x80, 0, 0, 1, 0, 0, 0, 0, 0x40, 0, 0, 2, 0x85, 1, 2, 3, 0x45, 1, 2, 3, 0x05, 1, 2, 0})
	f.Fuzz(func(t *testing.T, ops []byte) {
		x, plain := NewIndex(), plainIndex{}
		for ; len(ops) >= 4; ops = ops[4:] {
			kind, cut, digits, what := ops[0]>>6, int(ops[0]&0xf), Number(ops[1])<<8|Number(ops[2]), ops[3]
			n := (120_255_500_000_000 + digits) / powersOfTen[min(cut, 14)]
			switch kind {
			case 3:
				x.Reserve(int(what) << 7)
			default:
				c := Change{Target: Target{Number: n, Prefix: kind == 2}}
				for r := range c.Listing.Roles {
					if half := Day(what >> (4 * r) & 0xf); half != 0 {
						c.Listing.Roles[r] = RoleListing{WarnUntil: half % 8, WatchUntil: half, Override: Standing(half / 12)}
					}
				}
				x.Apply(c)
				plain.apply(c)
			}
			for _, m := range []Number{n, n + 1, n / 10, min(n*10+Number(what%10), MaxNumber)} {
				if got, want := x.Lookup(m, Day(what%10)), plain.lookup(m, Day(what%10)); got != want {
					t.Fatalf("Lookup(%d, %d) = %+v, want %+v", m, what%10, got, want)
				}
			}
		}
		checkSame(t, x, plain)
		checkTable(t, x.numbers)
	})
}

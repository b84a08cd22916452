package asterisk

import "strings"

// abilities are what an Asterisk can do beyond what all versions can.
type abilities struct {
	// wsRequests: REST requests on the events' websocket (20.14, 21.9, 22.4).
	wsRequests bool
	// manyVariables: POST /channels/{channelId}/variables (20.20, 22.10, 23.4).
	manyVariables bool
}

// abilitiesOf reads a version such as "22.10.1~dfsg". known is false for one that tells nothing, such as a build from Git: it
// counts as able to do all, and requests that it does not have are found out by trying.
func abilitiesOf(version string) (a abilities, known bool) {
	version = strings.TrimPrefix(version, "certified/")
	version = strings.TrimPrefix(version, "certified-")
	major, rest, ok := leadingInt(version)
	if !ok {
		return abilities{true, true}, false
	}
	minor := 0
	if strings.HasPrefix(rest, ".") {
		minor, _, _ = leadingInt(rest[1:])
	}
	since := func(m20, m21, m22, m23 int) bool {
		switch major {
		case 20:
			return minor >= m20
		case 21:
			return minor >= m21
		case 22:
			return minor >= m22
		case 23:
			return minor >= m23
		}
		return major > 23
	}
	const never = 1 << 20
	return abilities{
		wsRequests:    since(14, 9, 4, 0),
		manyVariables: since(20, never, 10, 4),
	}, true
}

// leadingInt splits a number of at most four digits off the front.
func leadingInt(s string) (n int, rest string, ok bool) {
	i := 0
	for i < len(s) && i < 4 && '0' <= s[i] && s[i] <= '9' {
		n = n*10 + int(s[i]-'0')
		i++
	}
	return n, s[i:], i > 0
}

package asterisk

// operation is a request of ARI that this package makes.
type operation uint8

const (
	opInfo operation = iota
	opApplications
	opFilter
	opClaim
	opChannel
	opContinue
	opVariables
	opVariable
	opPlay
	opStopPlayback
	opHangup
	opSign
	opCount = iota
)

// operations says of each what errors, metrics and the transports need to know.
var operations = [opCount]struct {
	label  string // metric label
	method string
	path   string // as errors show it
	body   bool   // whether the body of a good reply is read
}{
	opInfo:         {"info", "GET", "/asterisk/info", true},
	opApplications: {"applications", "GET", "/applications", true},
	opFilter:       {"filter", "PUT", "/applications/{applicationName}/eventFilter", false},
	opClaim:        {"claim", "POST", "/events/claim", false},
	opChannel:      {"channel", "GET", "/channels/{channelId}", true},
	opContinue:     {"continue", "POST", "/channels/{channelId}/continue", false},
	opVariables:    {"variables", "POST", "/channels/{channelId}/variables", false},
	opVariable:     {"variable", "POST", "/channels/{channelId}/variable", false},
	opPlay:         {"play", "POST", "/channels/{channelId}/play/{playbackId}", false},
	opStopPlayback: {"stop_playback", "DELETE", "/playbacks/{playbackId}", false},
	opHangup:       {"hangup", "DELETE", "/channels/{channelId}", false},
	opSign:         {"sign_of_life", "POST", "/events/user/{eventName}", false},
}

// request is one request: the path and query below the ARI URL, all parts escaped, and a JSON body or none.
type request struct {
	op   operation
	uri  string
	body []byte
}

// reply is the answer. body is JSON text; it is kept only where the operation reads it, or as the message of a refusal.
type reply struct {
	code int
	body string
}

// uri builds a request's path and query.
type uri struct {
	b     []byte
	query bool
}

// path starts a URI; parts at odd positions come from outside and are escaped.
func path(parts ...string) *uri {
	n := 64
	for _, p := range parts {
		n += len(p)
	}
	u := &uri{b: make([]byte, 0, n)}
	for i, p := range parts {
		if i%2 == 1 {
			u.b = appendEscaped(u.b, p)
		} else {
			u.b = append(u.b, p...)
		}
	}
	return u
}

// with adds a query parameter; an empty value is left out.
func (u *uri) with(name, value string) *uri {
	if value == "" {
		return u
	}
	if u.query {
		u.b = append(u.b, '&')
	} else {
		u.b, u.query = append(u.b, '?'), true
	}
	u.b = append(append(u.b, name...), '=')
	u.b = appendEscaped(u.b, value)
	return u
}

func (u *uri) String() string { return string(u.b) }

// appendEscaped percent-encodes all but the unreserved characters of RFC 3986. Asterisk reads a plus as a space in paths and
// queries alike (ast_uri_http_legacy), so the escapes of net/url, which differ between the two, do not fit.
func appendEscaped(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~' {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}

// appendJSON appends s as a JSON string.
func appendJSON(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for _, r := range s { // bytes that are not UTF-8 come out as U+FFFD
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < ' ' || r == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			b = append(b, string(r)...)
		}
	}
	return append(b, '"')
}

package numberdb

import (
	"net/url"
	"strings"
	"unicode/utf8"
)

// address is the part of a text in which a number can stand.
type address struct {
	user    string // what may be a number; empty if nothing is given
	context string // digits of a phone-context with a plus (RFC 3966), empty without one
	host    string // of a sip: or sips: URI
	uri     bool   // the text is a URI, in which no words stand before a number

	emergencyService bool // urn:service:sos (RFC 5031)
}

// hidesHost says whether the host is one that stands for a withheld or missing identity: anonymous.invalid (RFC 3323 section 4.1.1.3),
// unknown.invalid (3GPP TS 24.229), or another name of the domain that RFC 2606 keeps from being used.
func (a address) hidesHost() bool {
	return strings.HasSuffix(strings.ToLower(a.host), ".invalid")
}

// splitAddress finds the address in a text: a URI, a SIP name-addr ("Bob" <sip:…>), or the text itself. It reports false for what
// no network or person means as an address: text that is not UTF-8, or a broken or foreign URI.
func splitAddress(text string) (address, bool) {
	if !utf8.ValidString(text) {
		return address{}, false
	}
	text = strings.TrimSpace(nameAddr(strings.TrimSpace(text)))
	scheme, rest, found := strings.Cut(text, ":")
	if !found {
		scheme, rest = "", text
	}
	switch strings.ToLower(scheme) {
	case "tel":
		return telAddress(rest)
	case "sip", "sips":
		return sipAddress(rest)
	case "urn":
		name := strings.ToLower(rest)
		sos := name == "service:sos" || strings.HasPrefix(name, "service:sos.")
		return address{emergencyService: sos}, sos
	}
	if strings.Contains(text, "@") {
		return sipAddress(text)
	}
	if strings.Contains(text, "://") {
		return address{}, false
	}
	user, params, _ := strings.Cut(text, ";")
	return address{user: user, context: phoneContext(params)}, true
}

// nameAddr is what stands in angle brackets behind a display name, or the text itself where there are none (RFC 3261 section 20.10).
func nameAddr(text string) string {
	name := ""
	if strings.HasPrefix(text, `"`) {
		end := 1
		for end < len(text) && text[end] != '"' {
			if text[end] == '\\' {
				end++
			}
			end++
		}
		end = min(end, len(text))
		name, text = text[1:end], text[min(end+1, len(text)):]
	}
	if _, inside, found := strings.Cut(text, "<"); found {
		inside, _, _ = strings.Cut(inside, ">")
		return inside
	}
	if strings.TrimSpace(text) == "" {
		return name
	}
	return text
}

// telAddress reads a tel: URI (RFC 3966) behind its scheme.
func telAddress(rest string) (address, bool) {
	number, params, _ := strings.Cut(rest, ";")
	user, ok := unescape(number)
	return address{user: user, context: phoneContext(params), uri: true}, ok
}

// sipAddress reads a sip: or sips: URI (RFC 3261 section 19.1) behind its scheme.
func sipAddress(rest string) (address, bool) {
	rest, _, _ = strings.Cut(rest, "?") // headers
	userinfo, hostport := "", rest
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		userinfo, hostport = rest[:at], rest[at+1:]
	} else if looksDialled(rest) {
		userinfo, hostport = rest, "" // sip:911
	}
	host, hostParams, _ := strings.Cut(hostport, ";")
	host, _, _ = strings.Cut(host, ":")
	number, params, _ := strings.Cut(userinfo, ";")
	number, _, _ = strings.Cut(number, ":") // password
	user, ok := unescape(number)
	return address{user: user, context: phoneContext(params + ";" + hostParams), host: host, uri: true}, ok
}

// looksDialled says whether a URI without @ holds a number rather than a host.
func looksDialled(rest string) bool {
	rest, _, _ = strings.Cut(rest, ";")
	return rest != "" && strings.Trim(rest, "+0123456789-") == ""
}

// phoneContext is the digits of the parameter phone-context among params, if it is the beginning of international numbers.
func phoneContext(params string) string {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(p, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "phone-context") {
			continue
		}
		value, _ = unescape(value)
		if d, ok := readDialled(value, false); ok && d.plus {
			return d.digits
		}
		return "" // a domain, which says that the digits are local
	}
	return ""
}

// unescape replaces the percent-escapes of a URI. It reports false if one is broken.
func unescape(s string) (string, bool) {
	plain, err := url.PathUnescape(s)
	return plain, err == nil && utf8.ValidString(plain)
}

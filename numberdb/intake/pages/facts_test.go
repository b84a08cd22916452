package pages

import (
	"bytes"
	"encoding/binary"
	"math"
	"net/http"
	"strings"
	"time"
)

// The facts that the fake API knows.

func listedRow(target, callback, callerID, brand string) object {
	return object{"target": target, "standing": object{"callback": callback, "caller_id": callerID}, "brand": brand, "class": "analytics", "marks": []string{},
		"until": object{"callback": at(84)}}
}

func (f *fakeAPI) extract(w http.ResponseWriter, q question) {
	text, _ := q.body["text"].(string)
	found := []object{}
	add := func(written, number, region, kind, callback, callerID, brand string, reports int, byYou bool) {
		if i := strings.Index(text, written); i >= 0 {
			found = append(found, object{"written": written, "start": i, "number": number, "kind": "e164", "region": region, "country": region, "type": kind,
				"standing": object{"callback": callback, "caller_id": callerID}, "brand": brand, "reports_total": reports, "reported_by_you": byYou})
		}
	}
	add("(202) 555-0143", "+12025550143", "US", "fixed_line_or_mobile", "warn", "none", "microsoft", 14, false)
	add("+12025550143", "+12025550143", "US", "fixed_line_or_mobile", "warn", "none", "microsoft", 14, false)
	add("020 7946 0958", "+442079460958", "GB", "fixed_line", "none", "none", "", 0, false)
	add("1-202-555-0149", "+12025550149", "US", "toll_free", "protected", "protected", "paypal", 3, false)
	add("+1 202 555 0177", "+12025550177", "US", "mobile", "watch", "none", "", 1, true)
	if strings.Contains(text, "911") {
		found = append(found, object{"written": "911", "number": "", "kind": "emergency", "region": "US", "country": "US", "type": "", "standing": object{"callback": "none", "caller_id": "none"}})
	}
	give(w, 200, object{"numbers": found, "brand_guess": "microsoft", "red_flags_guess": []string{"remote_access", "gift_cards"}, "category_guess": "tech_support", "arrived_guess": "email"})
}

func (f *fakeAPI) number(w http.ResponseWriter, text string) {
	if kind := map[string]string{"911": "emergency", "202": "short"}[text]; kind != "" {
		give(w, 200, object{"number": "", "kind": kind, "region": "US", "country": "United States", "type": "unknown", "standing": object{"callback": "none", "caller_id": "none"}})
		return
	}
	if strings.Contains(text, "microsoft") {
		give(w, 200, object{"number": "", "kind": "unparsable", "standing": object{"callback": "none", "caller_id": "none"}})
		return
	}
	n := object{
		"number": "+12025550143", "kind": "e164", "region": "US", "country": "US", "type": "fixed_line_or_mobile", "range": "", "brand": "microsoft", "marks": []string{},
		"standing": object{"callback": "block", "caller_id": "warn"},
		"verdict":  object{"inbound": object{"action": "label", "reason": "listed_warn"}, "outbound": object{"action": "block", "reason": "listed_block"}},
		"explain": object{
			"callback": object{"standing": "block", "because": "decision", "rule": "", "until": at(84), "after": []object{{"standing": "warn", "until": at(174)}, {"standing": "watch", "until": at(359)}},
				"evidence": object{"trusted_organisations": 3, "unverified_sources": 9, "days": 6, "short": 4.2, "long": 11.8, "forged": 0, "last": at(-1)}},
			"caller_id": object{"standing": "warn", "because": "reports", "rule": "", "until": at(60), "after": []object{{"standing": "watch", "until": at(245)}},
				"evidence": object{"trusted_organisations": 1, "unverified_sources": 4, "days": 3, "forged": 2, "last": at(-4)}},
		},
		"reports":   object{"total": 14, "by_source": object{"public": 2, "feed": 7, "partner": 2, "staff": 3}, "newest": at(-1), "oldest": at(-43)},
		"decisions": []object{}, "heard": object{"outbound": []string{"linewarden/blocked-before", "linewarden/brand/microsoft", "linewarden/blocked-after", "linewarden/blocked-choice"}, "language": "en"},
	}
	if strings.HasSuffix(text, "*") {
		n["number"], n["heard"] = "", object{"outbound": []string{}}
		n["kind"] = "unparsable"
	}
	give(w, 200, n)
}

func reportRows() []any {
	var rows []any
	for i, days := range []float64{-1, -1.4, -2, -4, -6, -6.2, -7, -11, -13, -19, -20, -27, -35, -43} {
		kind, organisation := "feed", "consumer-agency"
		if i%3 == 0 {
			kind, organisation = "staff", "helpline"
		} else if i%5 == 0 {
			kind, organisation = "partner", "first-bank"
		}
		text := "A pop-up filled the screen and said that Windows was locked. The man on the phone wanted AnyDesk installed and $400 in gift cards."
		if i == 1 {
			text = hostile
		}
		rows = append(rows, object{"id": "r" + string(rune('a'+i)), "received": at(days), "at": at(days), "roles": []string{"callback"}, "brand": "microsoft", "category": "tech_support",
			"arrived": "popup", "red_flags": []string{"remote_access", "gift_cards"}, "text": text, "loss": map[bool]float64{true: 400, false: 0}[i == 0], "currency": "USD", "language": "en",
			"source": object{"kind": kind, "organisation": organisation}, "reporter": "p-1", "forging": i == 1, "consent": i == 0, "has_caller": i == 0})
	}
	return rows
}

func proposalRow(id, kind, state string) object {
	ruling := func(target, standing string) object {
		return object{"target": target, "roles": []string{"callback"}, "standing": standing, "class": "analytics", "brand": "microsoft"}
	}
	p := object{"id": id, "state": state, "kind": kind, "brake": false, "decisions_total": 1, "proposer": "ann", "at": at(-0.1), "expires": at(14), "reason": "Three victims today, the same voice and the same script.",
		"decisions": []object{ruling("+12025550143", "block")}, "brand": nil, "access": nil, "applied": state == "approved",
		"impact": object{"calls": 37, "subscribers": 21, "days": 7, "complete": true, "since": at(-7)},
		"may":    object{"approve": true, "reject": true, "withdraw": false, "why_not": ""}}
	switch kind {
	case "bulk":
		p["decisions"] = []object{ruling("+12025550144", "block"), ruling("+442079460958", "block"), ruling("+1202555019*", "block")}
		p["reason"], p["decisions_total"] = "All from the list of the police.", 3
	case "brand":
		after := brandRow("paypal", "PayPal", "brand")
		before := brandRow("paypal", "PayPal", "brand")
		before["numbers"] = before["numbers"].([]object)[:1]
		p["decisions"], p["brand"], p["impact"] = []object{}, object{"before": before, "after": after}, nil
		p["proposer"], p["may"] = "reviewer", object{"approve": false, "reject": false, "withdraw": true, "why_not": "own"}
		p["reason"] = "Their new support line."
	case "access":
		p["decisions"], p["impact"], p["access"] = []object{}, nil, object{"user": "carol", "role": "reviewer", "reset": true,
			"before": object{"role": "reporter", "role_since": at(-120), "role_by": "erin", "disabled": false, "added_by": "erin", "reset_at": at(-3), "reset_by": "mallory"}}
	}
	if state == "approved" {
		p["decided_by"], p["decided_at"], p["decided_reason"] = "bob", at(-0.05), "I heard the recordings."
		p["may"] = object{"approve": false, "reject": false, "withdraw": false, "collect": kind == "access", "why_not": ""}
	}
	return p
}

func brandRow(slug, name, kind string) object {
	return object{"slug": slug, "name": name, "kind": kind, "prompt": slug, "shipped": true, "updated_by": "bob", "updated_at": at(-30),
		"never_asks": []string{"sign_in_code", "remote_access", "gift_cards"},
		"numbers": []object{
			{"number": "+12025550149", "note": "Customer support", "source": "https://support.example.com/contact/telephone/numbers-by-country", "checked": "2026-10-02", "covers": 1},
			{"number": "+4420794609*", "note": "London office", "source": "javascript:alert(1)", "checked": "2026-10-02", "covers": 100},
		}}
}

func (f *fakeAPI) stats(w http.ResponseWriter) {
	if f.empty {
		give(w, 200, object{"hours": []object{}, "brands": []object{}, "numbers": []object{}, "complete": true})
		return
	}
	var hours []object
	for h := range 30 * 24 {
		day := 0.55 + 0.45*math.Sin(float64(12-h%24)/24*2*math.Pi+0.6)
		n := func(most float64, odd int) int { return int(most * day * (1 + 0.35*math.Sin(float64(h*odd)))) }
		hours = append(hours, object{"hour": noon.Add(-time.Duration(h) * time.Hour).Format(time.RFC3339),
			"calls":    object{"inbound": object{"allow": n(4200, 3), "label": n(14, 5)}, "outbound": object{"allow": n(3900, 7), "warn": n(11, 11), "block": n(7, 13)}},
			"outcomes": object{"passed": n(8000, 3), "labelled": n(14, 5), "hung_up": n(6, 11), "helpline": n(2.4, 7), "skipped": n(3, 3), "went_on": n(1.5, 5), "refused": n(7, 13)}})
	}
	give(w, 200, object{"hours": hours, "complete": false,
		"brands":  []object{{"brand": "microsoft", "calls": 181}, {"brand": "amazon", "calls": 144}, {"brand": "paypal", "calls": 97}, {"brand": "geek-squad", "calls": 41}, {"brand": "", "calls": 22}},
		"numbers": []object{{"number": "+12025550143", "calls": 88, "direction": "outbound"}, {"number": "+442079460958", "calls": 61, "direction": "outbound"}, {"number": "+33199001234", "calls": 34, "direction": "inbound"}}})
}

func brokenChain() object {
	return object{"good": false, "complete": true, "entries": 4181, "head": "4182:" + strings.Repeat("9f86d081884c7d65", 4), "omitted": 3, "findings": []object{
		{"first": 17, "last": 17, "fault": "altered", "detail": "its content does not give its hash <b>"}, {"first": 20, "last": 31, "fault": "missing", "detail": "12 entries are not there"}}}
}

func nodeRow(name string, seenMinutes, listAge float64, connected bool) object {
	return object{"instance": name, "version": "1.0", "started": at(-9), "seen": noon.Add(-time.Duration(seenMinutes*30) * time.Second).Format(time.RFC3339), "stale": seenMinutes > 10, "screening": true, "intake": true, "list_loaded": true,
		"list_age_seconds": listAge, "list_numbers": 1204833, "asterisks": []object{{"name": "asterisk[0]", "connected": connected}}}
}

func auditRows() []any {
	entry := func(seq int, days float64, who, role, action, thing, reason, after string) object {
		return object{"seq": seq, "at": at(days), "who": who, "role": role, "action": action, "object": thing, "before": "", "after": after, "reason": reason,
			"hash": strings.Repeat("9f86d081884c7d65", 4)}
	}
	return []any{
		entry(4183, -0.005, "root on node1", "command_line", "user_rescued", "user zora", "both reviewers have left", `{"role":"administrator"}`),
		entry(4182, -0.01, "bob", "reviewer", "approved", "+12025550143", "I heard the recordings.", `{"state":"approved"}`),
		entry(4181, -0.1, "ann", "reviewer", "proposed", "+12025550143", "Three victims today.", `{"target":"+12025550143","standing":"block","roles":["callback"]}`),
		entry(4180, -0.2, "carol", "reporter", "refused", "+12025550149", "role", `{"operation":"decide-number"}`),
		entry(4179, -0.3, "mallory", "reporter", "decided", "<b>+12025550171</b>", hostile, hostile),
		entry(4178, -1, "node-a", "node", "serve_started", "node-a", "", `{"config_sha256":"…"}`),
	}
}

func userRow(name, role string) object {
	return object{"name": name, "role": role, "role_since": at(-120), "role_by": "erin", "disabled": name == "dave", "totp": name == "ann" || name == "bob"}
}

// rescuedRow is an administrator who was made past the second person.
func rescuedRow(name string) object {
	u := userRow(name, "administrator")
	u["rescue"], u["added"], u["added_by"], u["role_by"] = "both reviewers have left "+hostile, at(-2), "root on node1", "root on node1"
	return u
}

// silence is a sound that says nothing: a WAV of a tenth of a second.
func silence() []byte {
	const rate, samples = 8000, 800
	var b bytes.Buffer
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, uint32(36+2*samples))
	b.WriteString("WAVEfmt ")
	for _, v := range []any{uint32(16), uint16(1), uint16(1), uint32(rate), uint32(2 * rate), uint16(2), uint16(16)} {
		_ = binary.Write(&b, binary.LittleEndian, v)
	}
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, uint32(2*samples))
	b.Write(make([]byte, 2*samples))
	return b.Bytes()
}

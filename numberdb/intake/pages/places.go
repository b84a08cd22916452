package pages

import (
	"slices"
	"strings"
)

// permissions say which links and buttons a person is shown. They decide nothing: the API does.
type permissions struct {
	Report, Extract, Search, Decide, SeeApprovals, SeeAudit, SeeUsers, KeepUsers, SeeTokens, KeepTokens, SeeTraffic bool
}

func permissionsOf(m *me) permissions {
	is := func(roles ...string) bool { return slices.Contains(roles, m.Role) }
	return permissions{
		Report:       is("reporter", "reviewer", "administrator"),
		Search:       is("reporter", "reviewer", "auditor", "administrator"),
		Decide:       is("reviewer") && m.Person,
		SeeApprovals: is("reporter", "reviewer", "auditor", "administrator"),
		SeeTraffic:   is("reporter", "reviewer", "auditor", "administrator"),
		SeeAudit:     is("reviewer", "auditor", "administrator"),
		SeeUsers:     is("reviewer", "auditor", "administrator"),
		KeepUsers:    is("administrator"),
		SeeTokens:    is("auditor", "administrator"),
		KeepTokens:   is("administrator"),
	}
}

// place is an entry of the menu.
type place struct {
	Path, Key, Icon string
	Letter          string // with "g" before it, the keyboard's way there
	Here            bool
}

func placesOf(may permissions, path string) []place {
	var list []place
	add := func(allowed bool, path, key, icon, letter string) {
		if allowed {
			list = append(list, place{Path: path, Key: key, Icon: icon, Letter: letter})
		}
	}
	add(may.Report, "/report", "nav.report", "report", "r")
	add(may.Search, "/numbers", "nav.numbers", "search", "n")
	add(may.SeeApprovals, "/approvals", "nav.approvals", "approve", "a")
	add(true, "/lines", "nav.lines", "lines", "l")
	add(may.SeeTraffic, "/dashboard", "nav.dashboard", "chart", "d")
	add(may.SeeTraffic, "/calls", "nav.calls", "call", "c")
	add(may.SeeAudit, "/audit", "nav.audit", "audit", "u")
	add(may.SeeUsers, "/users", "nav.users", "users", "p")
	add(may.SeeTokens, "/tokens", "nav.tokens", "key", "t")
	for i := range list {
		list[i].Here = path == list[i].Path || strings.HasPrefix(path, list[i].Path+"/")
	}
	return list
}

// showHome sends each person to where their work is.
func showHome(v *visit) error {
	may := permissionsOf(v.me)
	switch {
	case may.Report:
		return v.to("/report", "")
	case may.SeeTraffic:
		return v.to("/dashboard", "")
	}
	return v.to("/lines", "")
}

// showKeys lists the keyboard's shortcuts.
func showKeys(v *visit) error { return v.show(200, "keys", v.words.text("keys.title"), nil) }

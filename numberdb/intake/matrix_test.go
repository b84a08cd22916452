package intake

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb/access"
)

// matrix is who may use which route: a new route without a row fails the test. People sign in as reporter, reviewer, auditor and
// administrator; machines hold tokens as reporter, auditor and feed. A dot is a refusal: 401 for nobody, 403 for everybody else.
const matrix = `
                                       people                                  machines
route                                  reporter reviewer auditor administrator reporter auditor feed nobody
POST   /v1/session                     yes      yes      yes     yes           yes      yes     yes  yes
DELETE /v1/session                     yes      yes      yes     yes           .        .       .    .
GET    /v1/me                          yes      yes      yes     yes           yes      yes     yes  .
POST   /v1/me/password                 yes      yes      yes     yes           .        .       .    .
POST   /v1/me/totp                     yes      yes      yes     yes           .        .       .    .
PUT    /v1/me/totp                     yes      yes      yes     yes           .        .       .    .
DELETE /v1/me/totp                     yes      yes      yes     yes           .        .       .    .
GET    /v1/me/tokens                   yes      yes      yes     yes           .        .       .    .
POST   /v1/me/tokens                   yes      yes      yes     yes           .        .       .    .
DELETE /v1/me/tokens/{name}            yes      yes      yes     yes           .        .       .    .

POST   /v1/reports                     yes      yes      .       yes           yes      .       yes  .
POST   /v1/reports/extract             yes      yes      .       yes           yes      .       yes  .
GET    /v1/reports/{id}/caller         .        yes      .       .             .        .       .    .
POST   /v1/screen                      yes      yes      yes     yes           yes      yes     yes  .
GET    /v1/numbers                     yes      yes      yes     yes           yes      yes     .    .
GET    /v1/numbers/{number}            yes      yes      yes     yes           yes      yes     yes  .
GET    /v1/numbers/{number}/reports    yes      yes      yes     yes           yes      yes     .    .
GET    /v1/numbers/{number}/decisions  yes      yes      yes     yes           yes      yes     .    .
GET    /v1/prompts/{language}/{number} yes      yes      yes     yes           yes      yes     .    .

GET    /v1/brands                      yes      yes      yes     yes           yes      yes     yes  .
GET    /v1/brands/{slug}               yes      yes      yes     yes           yes      yes     yes  .
GET    /v1/brands/{slug}/forgings      yes      yes      yes     yes           yes      yes     .    .
PUT    /v1/brands/{slug}               .        yes      .       .             .        .       .    .

POST   /v1/numbers/{number}/decisions  .        yes      .       .             .        .       .    .
POST   /v1/decisions                   .        yes      .       .             .        .       .    .
GET    /v1/decisions                   yes      yes      yes     yes           yes      yes     .    .
GET    /v1/decisions/{id}              yes      yes      yes     yes           yes      yes     .    .
POST   /v1/decisions/{id}/approve      .        yes      .       yes           .        .       .    .
POST   /v1/decisions/{id}/reject       .        yes      .       yes           .        .       .    .
POST   /v1/decisions/{id}/withdraw     .        yes      .       yes           .        .       .    .
POST   /v1/decisions/{id}/collect      .        .        .       yes           .        .       .    .

GET    /v1/stats                       yes      yes      yes     yes           yes      yes     .    .
GET    /v1/calls/{id}                  yes      yes      yes     yes           yes      yes     .    .
GET    /v1/nodes                       yes      yes      yes     yes           yes      yes     .    .
GET    /v1/audit                       .        yes      yes     yes           .        yes     .    .
GET    /v1/audit/verify                .        yes      yes     yes           .        yes     .    .

GET    /v1/users                       .        yes      yes     yes           .        yes     .    .
POST   /v1/users                       .        .        .       yes           .        .       .    .
GET    /v1/users/{name}                .        yes      yes     yes           .        yes     .    .
PATCH  /v1/users/{name}                .        .        .       yes           .        .       .    .
GET    /v1/tokens                      .        .        yes     yes           .        yes     .    .
POST   /v1/tokens                      .        .        .       yes           .        .       .    .
DELETE /v1/tokens/{name}               .        .        .       yes           .        .       .    .
`

// TestMatrix sends a request to every route of the API's description as everybody, and compares who was let in with the table. What comes of
// the request, which is empty, is of no interest here.
func TestMatrix(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(matrix), "\n")[1:]
	who := strings.Fields(lines[0])[1:]
	rows := map[string][]string{}
	for _, line := range lines[1:] {
		if f := strings.Fields(line); len(f) > 0 {
			rows[f[0]+" "+f[1]] = f[2:]
		}
	}
	h := newHouse(t)
	as := map[int]func(method, path string) int{len(access.PeopleRoles) + len(machines): func(method, path string) int {
		return h.bearer(t, method, path, "", "{}").Code
	}}
	for i, role := range access.PeopleRoles {
		h.person(t, "person-"+string(role), role)
		as[i] = func(method, path string) int {
			b := h.browser("person-" + string(role)) // a new one each time: some routes end the session
			want(t, b.signIn(goodPassword), http.StatusOK)
			return b.do(method, path, "{}").Code
		}
	}
	for i, role := range machines {
		token := h.machine(t, "machine-"+string(role), role)
		as[len(access.PeopleRoles)+i] = func(method, path string) int { return h.bearer(t, method, path, token, "{}").Code }
	}
	if len(as) != len(who) {
		t.Fatalf("the table has %d columns for %d askers", len(who), len(as))
	}
	d, _ := describe(t, h.bench)
	parameter := regexp.MustCompile(`\{[^}]*\}`)
	for _, path := range slices.Sorted(maps.Keys(d.Paths)) {
		for method := range d.Paths[path] {
			route := strings.ToUpper(method) + " " + path
			row, ok := rows[route]
			if !ok || len(row) != len(who) {
				t.Errorf("%s is not in the table, or not for everybody: say who may use it", route)
				continue
			}
			delete(rows, route)
			for i := range who {
				status := as[i](strings.ToUpper(method), parameter.ReplaceAllString(path, "none"))
				got := "yes"
				switch {
				case status == http.StatusForbidden, status == http.StatusUnauthorized && who[i] == "nobody":
					got = "."
				case status == http.StatusUnauthorized, status >= 500, status == http.StatusMethodNotAllowed:
					got = fmt.Sprint(status)
				}
				if got != row[i] {
					t.Errorf("%s as %s, column %d: got %s (status %d), want %s", route, who[i], i+1, got, status, row[i])
				}
			}
		}
	}
	for route := range rows {
		t.Errorf("the table has %s, the API does not", route)
	}
}

// machines are the roles of machines in the order of the table.
var machines = []Role{RoleReporter, RoleAuditor, RoleFeed}

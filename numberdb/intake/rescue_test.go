package intake

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// operator is somebody with access to the store.
var operator = access.Principal{Name: "root on node1", Role: "command_line"}

// TestRescue has an administrator left alone: nothing that takes two can be done, until somebody with access to the store makes another one.
func TestRescue(t *testing.T) {
	h, anna, rita, rosa := staffed(t)
	_ = rita
	want(t, anna.change("rita", `{"disabled": true}`), http.StatusOK)
	want(t, anna.change("rosa", `{"disabled": true}`), http.StatusOK)
	alone := waits(t, anna.do(http.MethodPost, "/v1/users", anotherReviewer))
	wantProblem(t, rosa.settle(alone.ID, "approve"), http.StatusUnauthorized)
	wantProblem(t, anna.settle(alone.ID, "approve"), http.StatusForbidden)

	u, setup, err := h.directory.Rescue(t.Context(), operator, access.Rescue{Name: "Zora", Reason: " both reviewers have left "})
	if err != nil || u.Name != "zora" || !u.IsAdministrator() || !u.MustChange() || setup == "" {
		t.Fatalf("got %+v, %v", u, err)
	}
	zora := h.browser("zora")
	want(t, zora.signIn(setup), http.StatusOK)
	want(t, zora.do(http.MethodPost, "/v1/me/password", asJSON(PasswordBody{Old: setup, New: goodPassword})), http.StatusOK)
	want(t, zora.settle(alone.ID, "approve"), http.StatusOK)
	want(t, anna.collect(alone.ID), http.StatusOK)

	// Everybody on the staff sees it.
	b := read[UserBody](t, anna.do(http.MethodGet, "/v1/users/zora", ""))
	if b.Rescue != "both reviewers have left" || b.AddedBy != operator.Name || b.RoleBy != operator.Name {
		t.Errorf("shown as %+v", b)
	}
	if h.inChain(t, "root on node1 as command_line: user_rescued user zora") != 1 {
		t.Errorf("the chain says %q", h.chain(t))
	}
	// With two, there is no need.
	_, _, err = h.directory.Rescue(t.Context(), operator, access.Rescue{Name: "zoe", Reason: "one more"})
	if !errors.Is(err, access.ErrEnoughAdministrators) {
		t.Errorf("a third one: %v", err)
	}
	// It is not to be had by asking for it: not as one adds people, nor by changing oneself.
	w := anna.do(http.MethodPost, "/v1/users", `{"name": "zoe", "role": "administrator", "rescue": "because"}`)
	if w.Code < 400 {
		waits(t, w)
	}
	if _, err := h.directory.User(t.Context(), "zoe"); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("zoe: %v", err)
	}
}

// TestRescueOfTheLost wants those who are said to be lost to lose what they can do, so that nobody is rescued unseen beside two who are there.
func TestRescueOfTheLost(t *testing.T) {
	h, anna, _, _ := staffed(t)
	bert := h.in(t, "bert", RoleAdministrator)
	rescue := func(lost ...string) error {
		_, _, err := h.directory.Rescue(t.Context(), operator, access.Rescue{Name: "zora", Reason: "their telephones are lost", Lost: lost})
		return err
	}
	if err := rescue(); !errors.Is(err, access.ErrEnoughAdministrators) {
		t.Errorf("nobody is lost: %v", err)
	}
	var faults numberdb.Faults
	for _, lost := range [][]string{{"rita"}, {"nobody"}, {""}, {"anna", "ANNA"}} {
		if err := rescue(lost...); !errors.As(err, &faults) {
			t.Errorf("%q are lost: %v", lost, err)
		}
	}
	want(t, anna.do(http.MethodGet, "/v1/users", ""), http.StatusOK) // nobody was disabled by what failed
	if err := rescue("Anna", "bert"); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*browser{anna, bert} {
		wantProblem(t, b.do(http.MethodGet, "/v1/users", ""), http.StatusUnauthorized)
		if h.inChain(t, "root on node1 as command_line: user_changed user "+b.name) != 1 {
			t.Errorf("the chain says %q", h.chain(t))
		}
	}
}

// TestRescueRefused wants a reason, a new name, and the chain.
func TestRescueRefused(t *testing.T) {
	h, _, _, _ := staffed(t)
	var faults numberdb.Faults
	faulty := func(err error) bool { return errors.As(err, &faults) }
	is := func(target error) func(error) bool { return func(err error) bool { return errors.Is(err, target) } }
	for name, tt := range map[string]struct {
		r    access.Rescue
		want func(error) bool
	}{
		"no reason":          {access.Rescue{Name: "zora", Reason: " \n"}, faulty},
		"a long reason":      {access.Rescue{Name: "zora", Reason: strings.Repeat("x", 1001)}, faulty},
		"not UTF-8":          {access.Rescue{Name: "zora", Reason: "\xff"}, faulty},
		"no name":            {access.Rescue{Reason: "alone"}, faulty},
		"a person's name":    {access.Rescue{Name: "rita", Reason: "alone"}, is(access.ErrTaken)},
		"the lone one's":     {access.Rescue{Name: "anna", Reason: "alone", Lost: []string{"anna"}}, is(access.ErrTaken)},
		"the config's token": {access.Rescue{Name: "otto", Reason: "alone"}, is(access.ErrTaken)},
	} {
		if _, _, err := h.directory.Rescue(t.Context(), operator, tt.r); !tt.want(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	h.auditFails = errors.New("the disk is full")
	if _, _, err := h.directory.Rescue(t.Context(), operator, access.Rescue{Name: "zora", Reason: "alone"}); !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("without the chain: %v", err)
	}
	if _, err := h.directory.User(t.Context(), "zora"); !errors.Is(err, access.ErrNotFound) {
		t.Errorf("zora: %v", err)
	}
}

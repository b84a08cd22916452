package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/linewarden/linewarden/numberdb"
	"github.com/linewarden/linewarden/numberdb/access"
)

// UserBody is a person, as those see them who keep or check them.
type UserBody struct {
	Name       string    `json:"name"`
	Role       string    `json:"role" enum:"reporter,reviewer,auditor,administrator"`
	RoleSince  time.Time `json:"role_since"`
	RoleBy     string    `json:"role_by" doc:"Who gave them the role."`
	Disabled   bool      `json:"disabled" doc:"They cannot sign in."`
	MustChange bool      `json:"must_change" doc:"They have a one-time password, and have not set one of their own yet."`
	TOTP       bool      `json:"totp" doc:"A second factor is set up."`
	Language   string    `json:"language"`
	Added      time.Time `json:"added"`
	AddedBy    string    `json:"added_by"`
	Rescue     string    `json:"rescue,omitempty" doc:"They were made an administrator with access to the store, past the second person, by added_by: why."`
	Audit      uint64    `json:"audit" doc:"Entry in the audit chain of the last change."`
}

// SetupBody is a person and, where one was made, the one-time password: it is shown only here.
type SetupBody struct {
	Applied bool      `json:"applied" doc:"It is done; else a second person has to approve the proposal."`
	User    *UserBody `json:"user,omitempty"`
	Setup   string    `json:"setup,omitempty" doc:"One-time password, good for 7 days, to be told to the person. It is kept nowhere."`
	// Proposal is what waits for a second person.
	Proposal *ProposalBody `json:"proposal,omitempty" doc:"Once it is approved, collect the one-time password with POST /v1/decisions/{id}/collect."`
}

type setupOutput struct {
	Status int
	ETag   string `header:"ETag"`
	Body   SetupBody
}

func setupAnswer(status int, u *access.User, setup string) *setupOutput {
	body := userBody(u)
	return &setupOutput{status, etagOf(u), SetupBody{Applied: true, User: &body, Setup: setup}}
}

type userOutput struct {
	ETag string `header:"ETag"`
	Body UserBody
}

// NewUserBody is a person to be added.
type NewUserBody struct {
	Name     string `json:"name" maxLength:"200" example:"ann" doc:"1 to 64 of a-z, 0-9 and . _ @ + -; capitals are made small."`
	Role     string `json:"role" enum:"reporter,reviewer,auditor,administrator"`
	Language string `json:"language,omitempty" maxLength:"35" example:"fr" doc:"In which they read (BCP 47)."`
	Reason   string `json:"reason,omitempty" maxLength:"1000" doc:"For the second person, where one has to approve it."`
}

type newUserInput struct{ Body NewUserBody }

type userInput struct {
	Name string `path:"name" maxLength:"200" example:"ann"`
}

// UserChangeBody is what is to change; what is left out stays.
type UserChangeBody struct {
	Role     *string `json:"role,omitempty" enum:"reporter,reviewer,auditor,administrator"`
	Disabled *bool   `json:"disabled,omitempty"`
	Reset    bool    `json:"reset,omitempty" doc:"Make a new one-time password; the second factor is taken away."`
	Reason   string  `json:"reason,omitempty" maxLength:"1000" doc:"For the second person, where one has to approve it."`
}

type userChangeInput struct {
	Name    string `path:"name" maxLength:"200" example:"ann"`
	IfMatch string `header:"If-Match" doc:"ETag of the person as you saw them."`
	Body    UserChangeBody
}

// page is which part of a list is asked for.
type page struct {
	Cursor string `query:"cursor" maxLength:"200" doc:"From an answer's next."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

// UserListBody is a part of the people, by name.
type UserListBody struct {
	Items []UserBody `json:"items"`
	Next  string     `json:"next" doc:"Cursor of the next part; empty for the last."`
}

type userListOutput struct{ Body UserListBody }

func (a *API) registerUsers(api huma.API) {
	errs := []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusServiceUnavailable}
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "list-users", Method: http.MethodGet, Path: "/v1/users", Summary: "People who can sign in", Errors: errs,
	}, RoleAuditor, RoleReviewer, RoleAdministrator), a.listUsers)
	huma.Register(api, a.allow(huma.Operation{
		OperationID: "get-user", Method: http.MethodGet, Path: "/v1/users/{name}", Summary: "A person", Errors: append(errs, http.StatusNotFound),
	}, RoleAuditor, RoleReviewer, RoleAdministrator), a.getUser)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "add-user", Method: http.MethodPost, Path: "/v1/users", DefaultStatus: http.StatusCreated, MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Summary:     "Add a person",
		Description: "The answer has the one-time password. Sent again it is refused with 409, for the name is then taken. " + takesTwoUsers,
		Errors:      append(errs, http.StatusBadRequest, http.StatusConflict),
	}, RoleAdministrator), a.addUser)
	huma.Register(api, a.allowPeople(huma.Operation{
		OperationID: "change-user", Method: http.MethodPatch, Path: "/v1/users/{name}", MaxBodyBytes: maxBody, BodyReadTimeout: bodyTimeout,
		Summary: "Change a person's role, disable or reset them", Description: "Ends all their sessions and own tokens. " + takesTwoUsers,
		Errors: append(errs, http.StatusBadRequest, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed, http.StatusPreconditionRequired),
	}, RoleAdministrator), a.changeUser)
}

// takesTwoUsers says when one person alone cannot do it.
const takesTwoUsers = "Once two people have ever been reviewers, making, resetting or enabling a reviewer or administrator waits for a second person: " +
	"202, with the proposal."

func (a *API) listUsers(ctx context.Context, in *page) (*userListOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	users, err := a.access.Users(ctx)
	if err != nil {
		return nil, away(ctx, "The people cannot be read right now.", err)
	}
	part, next := partOf(users, *in, func(u *access.User) string { return u.Name })
	out := &userListOutput{Body: UserListBody{Items: make([]UserBody, len(part)), Next: next}}
	for i := range part {
		out.Body.Items[i] = userBody(&part[i])
	}
	return out, nil
}

// partOf is the asked part of a list that is sorted by name; the cursor is the last name of the part before.
func partOf[T any](all []T, p page, name func(*T) string) (part []T, next string) {
	from, found := slices.BinarySearchFunc(all, p.Cursor, func(v T, cursor string) int { return strings.Compare(name(&v), cursor) })
	if found {
		from++
	}
	part = all[from:min(from+p.Limit, len(all))]
	if from+len(part) < len(all) {
		next = name(&part[len(part)-1])
	}
	return part, next
}

func (a *API) getUser(ctx context.Context, in *userInput) (*userOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	u, err := a.access.User(ctx, in.Name)
	if err != nil {
		return nil, a.accessProblem(ctx, err)
	}
	return &userOutput{ETag: etagOf(&u), Body: userBody(&u)}, nil
}

func (a *API) addUser(ctx context.Context, in *newUserInput) (*setupOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	n := access.NewUser{Name: in.Body.Name, Role: Role(in.Body.Role), Language: in.Body.Language}
	u, setup, err := a.access.AddUser(ctx, principalOf(ctx), n)
	if errors.Is(err, access.ErrSecondPerson) {
		n.Name, _ = access.FoldName(n.Name)
		return a.proposePerson(ctx, &accessPayload{User: n.Name, Role: n.Role, Language: n.Language}, in.Body.Reason)
	}
	if err != nil {
		return nil, a.accessProblem(ctx, err)
	}
	return setupAnswer(http.StatusCreated, &u, setup), nil
}

func (a *API) changeUser(ctx context.Context, in *userChangeInput) (*setupOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	if in.IfMatch == "" {
		return nil, problem(http.StatusPreconditionRequired, "Say which state of the person you saw: send its ETag as If-Match.")
	}
	var version int64
	if n, err := fmt.Sscanf(in.IfMatch, `"v%d"`, &version); n != 1 || err != nil {
		return nil, problem(http.StatusPreconditionFailed, "If-Match is not the ETag of this person: get them again.")
	}
	change := access.Change{Disabled: in.Body.Disabled, Reset: in.Body.Reset}
	if in.Body.Role != nil {
		role := Role(*in.Body.Role)
		change.Role = &role
	}
	u, setup, err := a.access.ChangeUser(ctx, principalOf(ctx), in.Name, version, change)
	switch {
	case errors.Is(err, access.ErrSecondPerson):
		return a.proposeChange(ctx, in.Name, version, change, in.Body.Reason)
	case errors.Is(err, access.ErrSelf):
		a.noteRefusal(ctx, principalOf(ctx), "change-user", http.StatusForbidden)
	}
	if err != nil {
		return nil, a.accessProblem(ctx, err)
	}
	return setupAnswer(http.StatusOK, &u, setup), nil
}

// proposeChange proposes a change of a person whose version is known.
func (a *API) proposeChange(ctx context.Context, name string, version int64, c access.Change, reason string) (*setupOutput, error) {
	u, err := a.access.User(ctx, name)
	if err == nil && u.Version != version {
		err = access.ErrChanged
	}
	if err != nil {
		return nil, a.accessProblem(ctx, err)
	}
	person := &accessPayload{User: u.Name, Before: personStateOf(&u), Role: u.Role, Disabled: u.Disabled, Reset: c.Reset}
	if c.Role != nil {
		person.Role = *c.Role
	}
	if c.Disabled != nil {
		person.Disabled = *c.Disabled
	}
	return a.proposePerson(ctx, person, reason)
}

// proposePerson is the answer to what a person alone cannot do to another one.
func (a *API) proposePerson(ctx context.Context, person *accessPayload, reason string) (*setupOutput, error) {
	p, err := a.proposeAccess(ctx, person, reason)
	if err != nil {
		return nil, err
	}
	return &setupOutput{Status: http.StatusAccepted, Body: SetupBody{Proposal: p}}, nil
}

// accessProblem is the answer to what cannot be done to people and tokens.
func (a *API) accessProblem(ctx context.Context, err error) error {
	var faults numberdb.Faults
	switch {
	case errors.As(err, &faults):
		return huma.Error422UnprocessableEntity("", faultDetails(faults)...)
	case errors.Is(err, access.ErrNotFound):
		return problem(http.StatusNotFound, "There is none of that name.")
	case errors.Is(err, access.ErrTaken):
		return problem(http.StatusConflict, "The name is taken, by a person or a token: choose another.")
	case errors.Is(err, access.ErrTooMany):
		return problem(http.StatusConflict, sentence(access.ErrTooMany))
	case errors.Is(err, access.ErrChanged):
		return problem(http.StatusPreconditionFailed, sentence(access.ErrChanged))
	case errors.Is(err, access.ErrSelf):
		return problem(http.StatusForbidden, sentence(access.ErrSelf))
	}
	return away(ctx, "That cannot be done right now; nothing was changed.", err)
}

// sentence is an error as a sentence.
func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func etagOf(u *access.User) string { return fmt.Sprintf(`"v%d"`, u.Version) }

func userBody(u *access.User) UserBody {
	return UserBody{
		Name: u.Name, Role: string(u.Role), RoleSince: u.RoleSince, RoleBy: u.RoleBy, Disabled: u.Disabled, MustChange: u.MustChange(),
		TOTP: u.HasFactor(), Language: u.Language, Added: u.Added, AddedBy: u.AddedBy, Rescue: u.Rescue, Audit: u.Audit,
	}
}

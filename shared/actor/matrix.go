// SPDX-License-Identifier: EUPL-1.2

package actor

import (
	"maps"
	"slices"
)

// Action is something a route lets people do. Each route names exactly one.
type Action string

// The actions, one a row of the matrix.
const (
	ReportCreate       Action = "report.create"
	ReportRead         Action = "report.read"
	ReportSupplement   Action = "report.supplement"
	ReportMessage      Action = "report.message"
	ReportExtend       Action = "report.extend"     // a provider names further members
	ReportTakeOver     Action = "report.take_over"  // an affected body deals with its provider's report itself
	ReportContradict   Action = "report.contradict" // or does not agree with it
	AttachmentAdd      Action = "attachment.add"
	AttachmentDownload Action = "attachment.download" // by the organisation's side
	CaseAttachment     Action = "case.attachment"     // by the CERT's side
	CaseQueue          Action = "case.queue"
	CaseRead           Action = "case.read"
	CaseTake           Action = "case.take"
	CaseAssign         Action = "case.assign"
	CaseEdit           Action = "case.edit"
	CaseClassify       Action = "case.classify"
	CaseMessage        Action = "case.message"
	CaseNote           Action = "case.note"
	CaseMerge          Action = "case.merge"
	CaseWiden          Action = "case.widen" // giving a case a TLP label that lets more people read it
	CaseLock           Action = "case.lock"  // need to know: locking a case file, and opening it to all again
	CaseSearch         Action = "case.search"
	CaseExport         Action = "case.export"
	CampaignRead       Action = "campaign.read" // several cases with one cause, and who is in them
	CampaignEdit       Action = "campaign.edit"
	AlertDraft         Action = "alert.draft"
	AlertApprove       Action = "alert.approve"
	AlertRead          Action = "alert.read"
	AlertWork          Action = "alert.work" // drafts, audience, deliveries and answers of all
	PollAnswer         Action = "poll.answer"
	Subscribe          Action = "subscription.edit"
	DeliveryRead       Action = "delivery.read"
	OrganisationRead   Action = "organisation.read"
	OrganisationEdit   Action = "organisation.edit"
	ContactRead        Action = "contact.read"
	ContactEdit        Action = "contact.edit"
	PersonManage       Action = "person.manage"
	MandateGrant       Action = "mandate.grant"
	MandateRequest     Action = "mandate.request" // by the agent, who may also give it back
	MandateConfirm     Action = "mandate.confirm" // by the CERT
	MandateDecline     Action = "mandate.decline" // the principal what was asked for, the CERT what was granted
	MandateRevoke      Action = "mandate.revoke"
	MandateRead        Action = "mandate.read"
	TaskWork           Action = "task.work"         // mails that did not arrive, contacts nobody confirms
	EmergencyEdit      Action = "contact.seal"      // an organisation's own sealed contacts
	OnboardingManage   Action = "onboarding.manage" // inviting organisations and following their admission
	OfficersRead       Action = "officers.read"     // the register of ISBs; names only with contact.read
	OfficersExport     Action = "officers.export"   // the register of ISBs as a file
	OfficerEdit        Action = "officers.edit"     // what an ISB has learnt
	RegisterImport     Action = "register.import"
	RegisterHandOver   Action = "register.handover" // giving what is left of a body to its successor
	ServiceRead        Action = "service.read"      // the catalogue of the CERT
	ServiceEdit        Action = "service.edit"
	ServiceRequest     Action = "service.request" // asking for a service
	ServiceAsked       Action = "service.request.read"
	ServiceAnswer      Action = "service.answer"
	SessionEndOwn      Action = "session.end"
	SessionEndAny      Action = "session.end.any"
	AccountOwn         Action = "account.own"
	TokenMake          Action = "token.make"     // making an API token, which counts as confirmed afterwards
	FactorChange       Action = "factor.change"  // one's own password, app, passkeys, recovery codes and linked accounts
	RoleChange         Action = "role.change"    // giving and taking roles, inviting; PersonManage only looks
	SealedOpen         Action = "contact.unseal" // reading sealed emergency contacts
	AccessRead         Action = "access.read"    // who looked at an organisation's reports: its own people
	AuditRead          Action = "audit.read"
	AuditExport        Action = "audit.export"   // the entries as a file
	Aggregate          Action = "aggregate.read" // figures of an organisation; of no organisation: of the whole state
	AggregateExport    Action = "aggregate.export"
	OperationsRead     Action = "operations.read"    // dead letters, retries: pointers and counts, never contents
	OperationsRetry    Action = "operations.retry"   // having a dead event's effect after all
	OperationsDrop     Action = "operations.discard" // giving one up for good
	RetentionRead      Action = "retention.read"     // what is due, counts only
	RetentionPropose   Action = "retention.propose"
	RetentionApprove   Action = "retention.approve" // by another person than who proposed
	LegalHold          Action = "case.hold"         // keeps a case from deletion; four eyes
	PrivacyRead        Action = "privacy.read"      // all data on one person
	PersonErase        Action = "person.erase"      // four eyes
	Public             Action = "public"            // everybody, also not signed in
)

// Reach is how far a cell of the matrix goes.
type Reach int

// The reaches: nothing; what the person made; own organisation; organisations
// under a mandate that has the row's scope; cases assigned to the person; all
// cases, of locked ones those assigned to the person; all.
const (
	None Reach = iota
	Mine
	Own
	Mandated
	Assigned
	Unlocked
	All
)

type row struct {
	guest bool  // open to a guest who shows the object's code
	fresh bool  // needs a second factor shown a moment ago (step-up)
	scope Scope // the mandate scope that Mandated needs
	whole Scope // with it Mandated reaches what others began, too; else only what the agent began itself. "" for no difference
	cells map[Role]Reach
}

// cert grants All to the three roles that work cases.
func cert(more map[Role]Reach) map[Role]Reach {
	out := map[Role]Reach{Duty: All, Analyst: All, Lead: All}
	maps.Copy(out, more)
	return out
}

// file is cert for what stands in case files: of a locked one an analyst reaches
// only what is assigned to them (reliability model §2.4, "* (locked: A)").
func file() map[Role]Reach { return cert(map[Role]Reach{Analyst: Unlocked}) }

func everybody() map[Role]Reach {
	out := map[Role]Reach{Guest: All}
	for _, r := range Roles() {
		out[r] = All
	}
	return out
}

func signedIn(x Reach) map[Role]Reach {
	out := map[Role]Reach{}
	for _, r := range Roles() {
		out[r] = x
	}
	return out
}

// figures are for who may see how many there are of something: of the whole state,
// or an officer of the own organisation and a provider of those it may read for.
func figures() map[Role]Reach {
	return cert(map[Role]Reach{Officer: Own, Provider: Mandated, Editor: All, Approver: All, Constituency: All, Auditor: All, Steering: All})
}

// own grants Own to the two roles of an organisation's own people.
func own(more map[Role]Reach) map[Role]Reach {
	out := map[Role]Reach{Officer: Own, OrgAdmin: Own}
	maps.Copy(out, more)
	return out
}

// reporting is for what follows a report: the officer reaches the organisation's,
// an org_admin only what they reported themselves (the column "Reporter": own
// reports), since administering people is no reason to read incidents.
func reporting(more map[Role]Reach) map[Role]Reach {
	out := map[Role]Reach{Officer: Own, OrgAdmin: Mine, Provider: Mandated}
	maps.Copy(out, more)
	return out
}

// matrix is who may do what (reliability model §2.4 with the rows the design
// adds). A cell that is missing denies.
var matrix = map[Action]row{
	Public:             {guest: true, cells: everybody()},
	ReportCreate:       {guest: true, scope: ScopeReport, cells: own(cert(map[Role]Reach{Provider: Mandated}))}, // a guest's own report, unverified
	ReportRead:         {guest: true, scope: ScopeRead, cells: reporting(file())},
	ReportSupplement:   {guest: true, scope: ScopeReport, whole: ScopeEdit, cells: reporting(file())},
	ReportMessage:      {guest: true, scope: ScopeReport, whole: ScopeEdit, cells: reporting(nil)},
	ReportExtend:       {scope: ScopeReport, cells: map[Role]Reach{Provider: Mandated}},
	ReportTakeOver:     {cells: own(nil)}, // the body itself, never its agent
	ReportContradict:   {cells: own(nil)},
	AttachmentAdd:      {guest: true, scope: ScopeReport, whole: ScopeEdit, cells: reporting(nil)},
	AttachmentDownload: {guest: true, scope: ScopeRead, cells: reporting(nil)},
	CaseAttachment:     {cells: map[Role]Reach{Analyst: Assigned, Lead: All}},
	CaseQueue:          {cells: file()},
	CaseRead:           {cells: file()},
	CaseTake:           {cells: file()},
	CaseAssign:         {cells: file()},
	CaseEdit:           {cells: map[Role]Reach{Duty: All, Analyst: Assigned, Lead: All}},
	CaseClassify:       {cells: file()},
	CaseMessage:        {cells: file()},
	CaseNote:           {cells: file()},
	CaseMerge:          {cells: file()},
	CaseWiden:          {cells: map[Role]Reach{Lead: All}},
	CaseLock:           {cells: map[Role]Reach{Duty: All, Lead: All}},
	CaseSearch:         {cells: file()},
	CaseExport:         {fresh: true, cells: file()},
	CampaignRead:       {cells: cert(nil)},
	CampaignEdit:       {cells: cert(nil)},
	AlertDraft:         {cells: map[Role]Reach{Analyst: All, Lead: All, Editor: All}},
	AlertApprove:       {fresh: true, cells: map[Role]Reach{Approver: All}},
	AlertRead: {scope: ScopeAlerts, cells: own(cert(map[Role]Reach{
		Provider: Mandated, Editor: All, Approver: All, Constituency: All, Steering: All,
	}))},
	AlertWork:        {cells: cert(map[Role]Reach{Editor: All, Approver: All})},
	PollAnswer:       {scope: ScopePolls, cells: own(map[Role]Reach{Provider: Mandated})},
	Subscribe:        {cells: own(map[Role]Reach{Constituency: All})},
	DeliveryRead:     {cells: cert(map[Role]Reach{Editor: All, Approver: All, Constituency: All})},
	OrganisationRead: {cells: signedIn(All)},
	OrganisationEdit: {cells: map[Role]Reach{Constituency: All}},
	ContactRead:      {cells: own(cert(map[Role]Reach{Constituency: All}))},
	ContactEdit:      {cells: own(map[Role]Reach{Constituency: All})},
	PersonManage:     {cells: map[Role]Reach{OrgAdmin: Own, Constituency: All, Admin: All}},
	MandateGrant:     {fresh: true, cells: map[Role]Reach{OrgAdmin: Own, Constituency: All}},
	MandateRequest:   {cells: map[Role]Reach{OrgAdmin: Own}},
	MandateConfirm:   {fresh: true, cells: map[Role]Reach{Constituency: All}},
	MandateDecline:   {cells: map[Role]Reach{OrgAdmin: Own, Constituency: All}},
	MandateRevoke:    {cells: map[Role]Reach{OrgAdmin: Own, Constituency: All}},
	MandateRead:      {cells: own(cert(map[Role]Reach{Provider: Own, Constituency: All, Auditor: All}))},
	TaskWork:         {cells: map[Role]Reach{OrgAdmin: Own, Constituency: All}},
	EmergencyEdit:    {cells: own(nil)},
	OnboardingManage: {cells: map[Role]Reach{Constituency: All}},
	OfficersRead:     {cells: map[Role]Reach{Constituency: All, Steering: All}},
	OfficersExport:   {fresh: true, cells: map[Role]Reach{Constituency: All, Steering: All}},
	OfficerEdit:      {cells: own(map[Role]Reach{Constituency: All})},
	RegisterImport:   {cells: map[Role]Reach{Constituency: All}},
	RegisterHandOver: {fresh: true, cells: map[Role]Reach{Constituency: All}},
	ServiceRead:      {cells: signedIn(All)},
	ServiceEdit:      {cells: map[Role]Reach{Constituency: All}},
	ServiceRequest:   {cells: own(nil)},
	ServiceAsked:     {cells: own(map[Role]Reach{Constituency: All})},
	ServiceAnswer:    {cells: map[Role]Reach{Constituency: All}},
	SessionEndOwn:    {cells: signedIn(Mine)},
	SessionEndAny:    {cells: map[Role]Reach{Admin: All}},
	AccountOwn:       {cells: signedIn(All)},
	TokenMake:        {fresh: true, cells: signedIn(All)},
	FactorChange:     {fresh: true, cells: signedIn(All)},
	RoleChange:       {fresh: true, cells: map[Role]Reach{OrgAdmin: Own, Constituency: All, Admin: All}},
	SealedOpen:       {fresh: true, cells: cert(nil)},
	AccessRead:       {cells: own(nil)},
	AuditRead:        {cells: map[Role]Reach{Lead: All, Auditor: All}},
	AuditExport:      {fresh: true, cells: map[Role]Reach{Lead: All, Auditor: All}},
	Aggregate:        {scope: ScopeRead, cells: figures()},
	AggregateExport:  {fresh: true, scope: ScopeRead, cells: figures()},
	OperationsRead:   {cells: map[Role]Reach{Admin: All}},
	OperationsRetry:  {cells: map[Role]Reach{Admin: All}},
	OperationsDrop:   {cells: map[Role]Reach{Admin: All}},
	RetentionRead:    {cells: map[Role]Reach{Lead: All, Constituency: All, Auditor: All, Admin: All}},
	RetentionPropose: {cells: map[Role]Reach{Lead: All}},
	RetentionApprove: {fresh: true, cells: map[Role]Reach{Lead: All}}, // a second lead; the admin runs the job and sees the counts
	LegalHold:        {cells: map[Role]Reach{Lead: All}},
	PrivacyRead:      {fresh: true, cells: map[Role]Reach{Constituency: All}}, // keeps the register, answers people's requests
	PersonErase:      {fresh: true, cells: map[Role]Reach{Constituency: All, Admin: All}},
}

// Actions lists every action of the matrix, sorted, for tests and docs.
func Actions() []Action {
	out := make([]Action, 0, len(matrix))
	for a := range matrix {
		out = append(out, a)
	}
	slices.Sort(out)
	return out
}

// Cell returns how far role reaches in action, and the scope a mandate needs.
func Cell(action Action, role Role) (Reach, Scope) {
	r := matrix[action]
	return r.cells[role], r.scope
}

// WholeScope returns the scope with which a mandate reaches also what somebody
// else began, "" when the row makes no difference (§2.4: "M(report) own").
func WholeScope(action Action) Scope { return matrix[action].whole }

// opened reports whether any of the scopes opens the row at all.
func (r row) opened(scopes []Scope) bool {
	return slices.Contains(scopes, r.scope) || r.whole != "" && slices.Contains(scopes, r.whole)
}

// opens reports whether the scopes open the row for what agent did or did not begin.
func (r row) opens(scopes []Scope, own bool) bool {
	if r.whole == "" {
		return slices.Contains(scopes, r.scope)
	}
	return slices.Contains(scopes, r.whole) || own && slices.Contains(scopes, r.scope)
}

// GuestByCode reports whether a guest who shows the object's code may do action.
func GuestByCode(action Action) bool { return matrix[action].guest }

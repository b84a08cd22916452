// Package intake is how people and their systems tell Linewarden about numbers, over HTTP.
//
// [New] makes a handler for the JSON API, version 1:
//
//	POST /v1/reports            a complaint about a number; 201 with a receipt
//	GET  /v1/numbers/{number}   what the list says about a number, and what a call from or to it would get
//	POST /v1/numbers/{number}/decisions   decide about a number or range: 201, in force; or 202, it waits for a second person
//	POST /v1/decisions                    decide about up to 1000 at once; always waits
//	GET  /v1/decisions                    what waits, and what became of it; {id} for one of them
//	POST /v1/decisions/{id}/approve       also reject and withdraw
//	GET  /v1/stats              calls by the hour, and what was listed most
//	GET  /v1/calls/{id}         what was done with a call
//	GET  /v1/nodes              the nodes and how they are
//	GET  /v1/audit              who did what; /verify checks that nobody has changed the record
//	GET  /openapi.json          the description of all this, OpenAPI 3.1
//
// and, for people and tokens (numberdb/access), under /v1/session, /v1/me, /v1/users and /v1/tokens.
//
// A request carries a bearer token or the cookie of a session; each operation names the roles that may use it, and a test holds
// all of them to one table. What browsers send for pages of other sites is refused where it would change anything. Every refusal is a
// problem document of RFC 9457 that names all wrong fields at once, and nothing is stored where one is wrong. A report is
// acknowledged only when the store has it: while the store is away the answer is 503 with Retry-After, and whoever reported still
// has the report.
//
// Block, clear and protect, all about ranges, and lifting what is in force take two different people. One may warn, watch, and soften a
// block to a warning at once, which everybody sees. The rules are one function (objectionTo in foureyes.go), each attempt is in the audit chain
// before the answer is sent, and what was approved is done once: by whoever approved it or, if that node died, by any other
// ([API.FinishProposals]).
//
// A request of nobody, or by a role that may not make it, is refused, and is in the audit chain before the answer is sent.
//
// Requests are logged by route and name of the person or token, without the numbers in them.
package intake

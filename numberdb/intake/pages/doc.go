// Package pages is the web pages on which a helpline's staff report numbers, decide about them together, and see what happened.
//
// A page has no rights of its own. It asks the API (package intake) within the process, in the name of the person whose cookie came with
// the request: rights, checks, the audit chain and the words of a refusal are the API's. What the pages add is how it looks.
//
// Every page works without JavaScript, by links and forms whose answer to a change is a redirection, and is quicker with it. Nothing is
// loaded from elsewhere, and the Content-Security-Policy forbids it; what people reported is shown as text and never as anything else.
// All words are in texts/, one file for each language.
package pages

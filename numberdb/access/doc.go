// Package access is who may do what at the intake: people, who sign in, and machines, which hold tokens.
//
// A [Directory] keeps both, in a [Store] that all nodes share (numberdb/redisstore is one). It signs people in ([Directory.SignIn]) and says of
// each request who sends it ([Directory.ByCookie], [Directory.ByToken]) as a [Principal], with the role of that moment: the person's record is
// read for every request, so that a role that was taken away is gone with the next one. What a role may do is said by each route of the intake.
//
// What is kept of secrets cannot be turned back into them: passwords are hashed with Argon2id (RFC 9106), tokens, sessions and known browsers
// with SHA-256 of at least 128 random bits. The secrets of second factors, which are needed to check a code, are sealed with a key that is not in the
// store ([FactorKey]). Each change of a person's password, role or standing, and each reset, begins a new epoch of that
// person, and with it all sessions and own tokens of the epochs before have ended: nothing has to be found and deleted for that.
//
// Guessing a password costs a growing delay for each name, kept in the store so that it holds over all nodes. An attacker could keep somebody
// out that way; hence browsers in which a person has signed in before have a count of their own (the device cookies of OWASP).
//
// A second factor is a code of an authenticator application (RFC 6238), asked for once the password was right, and good once.
//
// Instead of with a password people may sign in at a provider of OpenID Connect ([OIDC]), which says who somebody is and never what they may
// do: it names the person by a claim, the role is the one here. The first time binds the person to their account there, until a reset.
//
// Everything that changes anything is in the audit chain before it is done, or it is not done. No I/O but that of the store and with
// the provider, no clock but the given one.
package access

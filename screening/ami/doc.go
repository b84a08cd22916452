// Package ami speaks the Asterisk Manager Interface (AMI): requests go out in batches on one connection, and every one is answered.
// It knows nothing of screening.
//
// It is there because Asterisk's own database can be filled in no other sound way. ARI sets DB() only where asterisk.conf says
// live_dangerously, and otherwise answers 204 and changes nothing; commands of the command line would need a far wider permission.
// And it is our own because the clients that we found send one request at a time, guard their tables against one goroutine only, or
// take a message for a format (heltonmarx/goami and staskobzar/goami2, read in November 2026): what is needed here is little, and has
// to be exact.
//
// Facts about Asterisk that shape this package, seen on 22.10.1 and read in its source: the requests of a connection are carried out
// one after the other and answered in their order; a line may have 1,024 bytes; a user without read permission is sent no events
// but those that are the answer to an action (DBGet). Functions that touch the database are refused to Setvar and Getvar as to ARI.
package ami

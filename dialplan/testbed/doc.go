// Package testbed gives tests and the demo a real telephone network on loopback: Asterisk, Redis, the speech tools
// that build prompts, and a SIP telephone that hears and presses keys.
//
//   - [Prepare] finds or fetches the programs. StartRedis, StartAsterisk and the tests call it themselves.
//   - [StartRedis] and [StartAsterisk] run servers of their own on free ports; many run side by side, and all die with
//     the process that started them, however it ends.
//   - [NewPhone] places and takes calls, and [Heard] tells which prompts a recording holds, in order.
//
// # Where the programs come from
//
// Asterisk, Redis, espeak-ng and sox are taken from PATH if all of them are there and recent enough. Otherwise they are
// fetched from the machine's own Debian mirror into a folder and run from there; nothing is installed on the machine.
// That needs Debian's apt and dpkg, about 100 MB of download and 350 MB of disk, and either root or (with unshare
// and mount of util-linux) a kernel that lets ordinary users make user namespaces.
//
// Tests of web pages need a Chromium as well ([PrepareBrowser]): from PATH, or fetched alike, about 140 MB of download and 530 MB of disk.
//
//   - LINEWARDEN_TESTBED=path never fetches and takes any version on PATH; LINEWARDEN_TESTBED=fetch never looks at PATH.
//   - LINEWARDEN_CACHE is the folder for fetched files; the default is "linewarden" in the user's cache folder.
//   - LINEWARDEN_DEBIAN_MIRROR is the archive to fetch from (the folder that holds dists/), in place of the one that the
//     machine's own apt uses.
//
// All processes of a machine share one fetch. A fetch that was killed leaves nothing that is mistaken for a whole one.
package testbed

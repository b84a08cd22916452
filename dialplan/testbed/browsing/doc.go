// Package browsing gives tests a tab of a real Chromium: it opens pages, presses keys, hears complaints and takes pictures. It is apart from
// package testbed so that the demo, which is part of the program, does not carry a browser's protocol with it.
package browsing

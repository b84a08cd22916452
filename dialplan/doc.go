// Package dialplan is the Asterisk side of Linewarden: conf files to include, prompt texts, and the names that both sides share.
package dialplan

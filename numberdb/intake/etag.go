package intake

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// etag is the entity tag of a version of a resource (RFC 9110 section 8.8.3), a strong one.
func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// matches says whether the header If-Match (RFC 9110 section 13.1.1) lets a change of a version go on; an empty one does.
func matches(ifMatch string, version uint64) bool {
	if ifMatch == "" {
		return true
	}
	for tag := range strings.SplitSeq(ifMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == etag(version) {
			return true
		}
	}
	return false
}

// outdated is the answer to a change of a version that is not the one that the asker has seen.
func outdated() *huma.ErrorModel {
	return problem(http.StatusPreconditionFailed, "It has changed since you read it: read it again, and decide anew.")
}

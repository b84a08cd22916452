-- Takes in one report.
local bucket, changes, evidence, reporters, reports = unpack(KEYS)
local field, reporter, filed, today, roles, genuine, longest, evidenceTTL, retention
field, brand, kind, organisation, reporter, filed = unpack(ARGV, 1, 6)
day, today, roles, genuine, longest, evidenceTTL, retention = unpack(ARGV, 7, 13)
day, today, roles, genuine = tonumber(day), tonumber(today), tonumber(roles), tonumber(genuine)

local listing, raw, corrupt = fetch(bucket, field)
if not listing then return NEWER end
local repeated, forging = take(listing, evidence, reporters, reporter, today, roles, genuine)
file(evidence, reporters, reports, filed, evidenceTTL, retention)
return {keep(bucket, changes, field, listing, raw, longest), repeated, forging, corrupt}

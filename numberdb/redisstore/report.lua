-- Takes in one report. A sixth key is the receipt of a report whose sender chose its id: where there is one, it is the answer.
local bucket, changes, evidence, reporters, reports, callers, receipt = unpack(KEYS)
local field, reporter, filed, today, roles, genuine, longest, evidenceTTL, retention, id, caller, receiptTTL
field, brand, kind, organisation, reporter, filed = unpack(ARGV, 1, 6)
day, today, roles, genuine, longest, evidenceTTL, retention, id, caller, receiptTTL = unpack(ARGV, 7, 16)
day, today, roles, genuine = tonumber(day), tonumber(today), tonumber(roles), tonumber(genuine)

local first = receipt and redis.call('GET', receipt)
if first then
  return {string.sub(first, 3), tonumber(string.sub(first, 1, 1)), tonumber(string.sub(first, 2, 2)), 0}
end
local listing, raw, corrupt = fetch(bucket, field)
if not listing then return NEWER end
unfold(evidence, reporters, reports)
local repeated, forging = take(listing, evidence, reporters, reporter, today, roles, genuine)
file(evidence, reporters, reports, filed, forging, evidenceTTL, retention)
if caller ~= '' then
  redis.call('HSET', callers, id, caller)
  redis.call('EXPIRE', callers, retention)
end
local after = keep(bucket, changes, field, listing, raw, longest)
if receipt then redis.call('SET', receipt, repeated .. forging .. after, 'EX', receiptTTL) end
return {after, repeated, forging, corrupt}

-- Makes one decision (numberdb.Dossier.Decide).
local bucket, changes, evidence, decisions = unpack(KEYS)
local field, brand, filed, refused, audit = unpack(ARGV, 1, 5)
local today, roles, over, overUntil, warn, watch, class, longest = unpack(ARGV, 6, 13)
today, roles, over, class = tonumber(today), tonumber(roles), tonumber(over), tonumber(class)

local listing, raw, corrupt = fetch(bucket, field)
if not listing then return NEWER end
for role = 0, 1 do
  -- refused are the digits of the standings that this decision may not replace.
  if has(roles, 2 ^ role) and string.find(refused, standing(listing[role + 1], today), 1, true) then
    return redis.error_reply('NEEDSAPPROVER a second person has to approve this')
  end
end
local hash = readHash(evidence)
for role = 0, 1 do
  if has(roles, 2 ^ role) then
    local e = readEvidence(hash, role)
    local r = {over = over, class = class, days = {tonumber(overUntil), 0, 0, 0}, brand = brand ~= '' and brand or e.brand}
    setEnds(r, {e.block, e.warn, e.watch}, {0, tonumber(warn), tonumber(watch)})
    listing[role + 1] = r
  end
end
redis.call('XADD', decisions, '*', 'd', filed, 'a', audit)
return {keep(bucket, changes, field, listing, raw, longest), corrupt}

-- Makes one decision (numberdb.Dossier.Decide), unless its proposal has been made already.
local bucket, changes, evidence, reporters, reports, decisions = unpack(KEYS)
local field, brand, filed, refused, audit = unpack(ARGV, 1, 5)
local today, roles, over, overUntil, warn, watch, class, longest, alone, proposal = unpack(ARGV, 6, 15)
local around = {tonumber(ARGV[16]), tonumber(ARGV[17])} -- what holds by the ranges around the target, by role
today, roles, over, overUntil, class = tonumber(today), tonumber(roles), tonumber(over), tonumber(overUntil), tonumber(class)

local listing, raw, corrupt = fetch(bucket, field)
if not listing then return NEWER end
if proposal ~= '' then
  for _, entry in ipairs(redis.call('XREVRANGE', decisions, '+', '-', 'COUNT', 1000)) do
    local fields = entry[2]
    for i = 1, #fields, 2 do
      if fields[i] == 'p' and fields[i + 1] == proposal then return {encode(listing), corrupt} end
    end
  end
end

-- heldUntil is as in numberdb/decision.go.
local function heldUntil(r)
  local held = math.max(r.days[2], r.days[3])
  if r.over ~= 2 and r.over ~= 3 then return held end
  if r.days[1] == 0 then return 65535 end
  return math.max(held, r.days[1])
end

local yields = {} -- by role, as in numberdb/dossier.go
for role = 0, 1 do
  if alone == '1' and has(roles, 2 ^ role) then
    local r = listing[role + 1]
    local current = standing(r, today)
    if not inForce(r, today) then current = math.max(current, around[role + 1]) end
    yields[role] = over == 2 and not inForce(r, today) and current ~= 3
    -- refused are the digits of the standings that this decision may not replace.
    if string.find(refused, current, 1, true) or over == 2 and overUntil < heldUntil(r) then
      return redis.error_reply('NEEDSAPPROVER a second person has to approve this')
    end
  end
end
unfold(evidence, reporters, reports)
local hash = readHash(evidence)
for role = 0, 1 do
  if has(roles, 2 ^ role) then
    local e = readEvidence(hash, role)
    local r = {over = over, class = class, days = {overUntil, 0, 0, 0}, brand = brand ~= '' and brand or e.brand}
    local after = {0, tonumber(warn), tonumber(watch)}
    if yields[role] then r.over, r.days[1], after[2] = 0, 0, overUntil end
    setEnds(r, {e.block, e.warn, e.watch}, after)
    listing[role + 1] = r
  end
end
if proposal ~= '' then
  redis.call('XADD', decisions, '*', 'd', filed, 'a', audit, 'p', proposal)
else
  redis.call('XADD', decisions, '*', 'd', filed, 'a', audit)
end
return {keep(bucket, changes, field, listing, raw, longest), corrupt}

-- Counts reports (numberdb.Dossier.Report), for the scripts that take in one or many. The line before this file sets rules from
-- numberdb.Rules.

-- The report that is being counted.
local day, kind, organisation, brand

-- faded is factor to the power of days by squaring; both sides do the same steps and so round alike.
local function faded(factor, days)
  local left = 1
  while days > 0 do
    if days % 2 == 1 then left = left * factor end
    factor = factor * factor
    days = math.floor(days / 2)
  end
  return left
end

local function dayAfter(d, days)
  return math.min(d + days, 65535)
end

local function fadesBelow(score, minimum, factor, of, most)
  if minimum == 0 then return 65535 end
  local days = 0
  while days < most and score >= minimum do
    score = score * factor
    days = days + 1
  end
  return dayAfter(of, days)
end

local function separate(organisations)
  local count, newest = 0, 0
  for _, d in pairs(organisations) do newest = math.max(newest, d) end
  for _, d in pairs(organisations) do
    if newest - d <= rules.together then count = count + 1 end
  end
  return count, newest
end

local function note(organisations)
  local known = organisations[organisation]
  if not known then
    local count = 0
    for _ in pairs(organisations) do count = count + 1 end
    if count >= rules.most then return end
  end
  organisations[organisation] = math.max(known or 0, day)
end

-- noteDay puts the day into its place among the latest, the newest first.
local function noteDay(days)
  local i = 1
  while days[i] and days[i] > day do i = i + 1 end
  if days[i] ~= day then
    table.insert(days, i, day)
    days[rules.mostDays + 1] = nil
  end
end

local function add(e, before)
  if brand ~= '' and (kind == 'trusted' or e.brand == '') then e.brand = brand end
  note(e[kind])
  if kind == 'trusted' or before >= day then return end
  if day > e.last then
    e.short = e.short * faded(rules.short, day - e.last)
    e.long = e.long * faded(rules.long, day - e.last)
    e.last = day
  end
  if before ~= 0 then
    e.short = math.max(0, e.short - faded(rules.short, e.last - before))
    e.long = math.max(0, e.long - faded(rules.long, e.last - before))
  end
  e.short = e.short + faded(rules.short, e.last - day)
  e.long = e.long + faded(rules.long, e.last - day)
  noteDay(e.days)
end

local ENDS = {'watch', 'warn', 'block'}

-- earn is numberdb.Rules.Earned.
local function earn(e)
  local trusted, lastTrusted = separate(e.trusted)
  local sources = separate(e.source)
  local days = 0
  for _, d in ipairs(e.days) do
    if e.days[1] - d <= rules.together then days = days + 1 end
  end
  for _, l in ipairs(rules.levels) do
    if trusted >= l.trusted and sources >= l.sources and days >= l.days and e.short >= l.short and e.long >= l.long then
      local finish = dayAfter(l.trusted > 0 and lastTrusted or e.last, l.keeps)
      finish = math.min(finish, fadesBelow(e.short, l.short, rules.short, e.last, l.keeps),
        fadesBelow(e.long, l.long, rules.long, e.last, l.keeps))
      e[ENDS[l.standing]] = math.max(e[ENDS[l.standing]], finish)
    end
  end
end

-- take counts a report in the roles that it names, and changes the listing to what that earns. genuine are the roles in which a range
-- around the number is genuine. With once, a reporter who was counted, however long ago, changes nothing. It gives 1 or 0 for each of:
-- whether the reporter was counted before in all roles, and whether the number is genuine in one.
local function take(listing, evidence, reporters, reporter, today, roles, genuine, once)
  local hash, known = readHash(evidence), {}
  local isNew = next(hash) == nil -- then nobody has been counted either: both keys live equally long
  local repeated, forging = 1, 0
  for role = 0, 1 do
    if has(roles, 2 ^ role) then
      local r = listing[role + 1]
      local held = inForce(r, today)
      local forged = held and r.over >= 4 or not held and has(genuine, 2 ^ role)
      -- One reporter counts once, within their source: nobody can use up another's report by taking their name.
      local who = kind .. ':' .. organisation .. ':' .. reporter
      local counted, forgery = role .. 'c' .. who, role .. 'f' .. who
      if not isNew then known = redis.call('HMGET', reporters, counted, forgery) end
      if not (once and (known[1] or known[2])) then
        local e = readEvidence(hash, role)
        local before = readDay(known[forged and 2 or 1])
        if before == 0 then repeated = 0 end
        if before < day then redis.call('HSET', reporters, forged and forgery or counted, day) end
        if forged then
          forging = 1
          if before == 0 then e.forged = e.forged + 1 end
          writeEvidence(evidence, hash, role, e)
        else
          add(e, before)
          earn(e)
          writeEvidence(evidence, hash, role, e, kind, organisation)
          if not held then r.over, r.days[1], r.class = 0, 0, 0 end
          local warns = today < r.days[3] and r.days[3] > e.warn
          if e.brand ~= '' and (r.brand == '' or not held and not warns) then r.brand = e.brand end
          setEnds(r, {e.block, e.warn, e.watch}, {r.days[2], r.days[3], r.days[4]})
        end
      end
    end
  end
  return repeated, forging
end

-- file keeps a report, and all about its number for as long as it matters. Whether it tells of forging is known here alone, so that it is put
-- into the report's JSON here.
local function file(evidence, reporters, reports, filed, forging, evidenceTTL, retention)
  if forging ~= 0 then filed = string.sub(filed, 1, -2) .. ',"forging":true}' end
  redis.call('RPUSH', reports, filed)
  redis.call('EXPIRE', evidence, evidenceTTL)
  redis.call('EXPIRE', reporters, evidenceTTL)
  redis.call('EXPIRE', reports, retention)
end

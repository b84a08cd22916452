-- A folded record is all that is known about a number of which an import has brought the only report, in one string in the place of its evidence
-- (fold.go). unfold turns it into the keys that the next report, or a decision, goes on from: the report is counted again, but keeps the ends that
-- it earned, for the rules may have changed since.

-- readFolded gives the report as JSON and decoded, and the words before it; nothing if the text is no folded record.
local function readFolded(text)
  local words, filed = {}, string.match(text, '\n(.+)$')
  local isJSON, body = pcall(cjson.decode, filed)
  local r = isJSON and type(body) == 'table' and body.report
  for word in string.gmatch(string.match(text, '^[^\n]*'), '[^ ]+') do words[#words + 1] = word end
  if type(r) ~= 'table' or type(r.reporter) ~= 'string' or type(r.source) ~= 'table' then return nil end
  for i = 1, math.max(#words, 8) do
    if i == 2 and words[i] ~= 'trusted' and words[i] ~= 'source' or i ~= 2 and not string.match(words[i] or '', '^%d+$') then return nil end
  end
  return filed, r, words
end

-- spread counts the report of a folded record.
local function spread(evidence, reporters, r, words)
  local counted = {day, kind, organisation, brand}
  kind, day, organisation, brand = words[2], tonumber(words[3]), r.source.organisation or '', r.brand or ''
  local at = 6
  for role = 0, 1 do
    if has(tonumber(words[4]), 2 ^ role) then
      local e, forged = readEvidence({}, role), has(tonumber(words[5]), 2 ^ role)
      if forged then e.forged = 1 else add(e, 0) end
      e.block, e.warn, e.watch = tonumber(words[at]), tonumber(words[at + 1]), tonumber(words[at + 2])
      at = at + 3
      writeEvidence(evidence, {}, role, e, kind, organisation)
      redis.call('HSET', reporters, role .. (forged and 'f' or 'c') .. kind .. ':' .. organisation .. ':' .. r.reporter, day)
    end
  end
  day, kind, organisation, brand = unpack(counted, 1, 4) -- of the report that is being counted now
end

local function unfold(evidence, reporters, reports)
  if redis.call('TYPE', evidence).ok ~= 'string' then return end
  local text, ends = redis.call('GET', evidence), redis.call('PEXPIRETIME', evidence)
  local filed, r, words = readFolded(text)
  redis.call('RPUSH', reports, filed or text) -- whoever reads reports tells of what cannot be read
  if ends >= 0 then redis.call('PEXPIREAT', reports, ends) end -- else somebody took its end away
  redis.call('DEL', evidence) -- once its report is elsewhere: what a script has done stays done if it fails
  if not filed then return end
  spread(evidence, reporters, r, words)
  if ends >= 0 then
    redis.call('PEXPIREAT', evidence, ends - words[1])
    redis.call('PEXPIREAT', reporters, ends - words[1])
  end
end

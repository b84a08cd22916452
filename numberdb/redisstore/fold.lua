-- A folded record is all that is known about a number of which an import has brought the only report, in one string in the place of its evidence
-- (fold.go). unfold turns it into the keys that the next report, or a decision, goes on from: the report is counted again, but keeps the ends that
-- it earned, for the rules may have changed since.

-- readFolded gives the report as JSON and decoded, and the words before it; nothing if the text is no folded record. It takes only what parseFolded
-- takes: whatever else fails where it is used, after something has been written.
local function readFolded(text)
  local words, filed = {}, string.match(text, '\n(.+)$')
  local isJSON, body = pcall(cjson.decode, filed)
  local r = isJSON and type(body) == 'table' and body.report
  if type(r) ~= 'table' or type(r.reporter) ~= 'string' or type(r.source) ~= 'table' then return nil end
  r.brand, r.source.organisation = r.brand or '', r.source.organisation or ''
  if type(r.brand) ~= 'string' or type(r.source.organisation) ~= 'string' then return nil end
  local most = {2 ^ 43 - 1, nil, 65535, 3, 3} -- of each word, then of the ends
  for word in string.gmatch(string.match(text, '^[^\n]*'), '[^ ]+') do
    local i = #words + 1
    if i == 2 then
      if word ~= 'trusted' and word ~= 'source' then return nil end
    elseif not string.match(word, '^%d+$') or tonumber(word) > (most[i] or 65535) then
      return nil
    end
    words[i] = word
  end
  local roles = tonumber(words[4] or 0)
  if roles == 0 or #words ~= 5 + 3 * (roles % 2 + math.floor(roles / 2)) then return nil end
  return filed, r, words
end

-- spread counts the report of a folded record.
local function spread(evidence, reporters, r, words)
  local counted = {day, kind, organisation, brand}
  kind, day, organisation, brand = words[2], tonumber(words[3]), r.source.organisation, r.brand
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

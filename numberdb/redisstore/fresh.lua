-- Takes in many reports of one partition, each if it is the first about its number, and says which are not: it is the quick way of an import,
-- most of whose numbers nobody has reported before. What such a report makes was worked out beforehand (fold.go). KEYS are the stream of changes
-- and the partition's marker, then for all reports the evidence, the buckets and the reports. ARGV are the list's id, how many changes are kept, for
-- how many milliseconds reports are, then for each report: field, listing, folded record.
local call = redis.call
local changes, marker = KEYS[1], KEYS[2]
local id, longest, retention = unpack(ARGV, 1, 3)
if call('GET', marker) ~= id then return redis.error_reply('NOTOURS the partition is of no list or another one') end

local time = call('TIME')
local ends = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000) + retention)

-- The report in a folded record, without what differs when a row is imported again.
local function reportIn(folded)
  return string.sub(folded, string.find(folded, '"report":{', 1, true) or 1)
end

-- isRepeat says whether the folded record holds the row that is imported. One without a time comes with that of each import, and is the same for as
-- long as its evidence lives.
local function isRepeat(evidence, folded)
  if call('TYPE', evidence).ok ~= 'string' then return false end
  local held = call('GET', evidence)
  local before, now = reportIn(held), reportIn(folded)
  if before == now then return true end
  local earlier = tonumber(string.match(held, '^%d+'))
  local at = ',"at":"[^"]*"}' -- quotes in a text are escaped
  return earlier and string.gsub(before, at, '}', 1) == string.gsub(now, at, '}', 1) and call('PTTL', evidence) > earlier
end

local count = (#KEYS - 2) / 3
local repeats, known = {}, {}
for i = 1, count do
  local evidence, bucket, reports = KEYS[2 + i], KEYS[2 + count + i], KEYS[2 + 2 * count + i]
  local field, listing, folded = ARGV[3 * i + 1], ARGV[3 * i + 2], ARGV[3 * i + 3]
  if not call('SET', evidence, folded, 'PXAT', ends, 'NX') then
    if isRepeat(evidence, folded) then
      repeats[#repeats + 1] = i
    else
      known[#known + 1] = i
    end
  else
    call('PEXPIREAT', reports, ends) -- of older ones, which have outlived their evidence
    if listing ~= EMPTY and call('HSETNX', bucket, field, listing) == 1 then
      call('XADD', changes, '*', 't', field, 'l', listing)
    elseif listing ~= EMPTY or call('HEXISTS', bucket, field) == 1 then -- people have decided about it
      call('DEL', evidence)
      known[#known + 1] = i
    end -- else it is about a genuine line, and earns nothing
  end
end
call('XTRIM', changes, 'MAXLEN', '~', longest)
return {repeats, known}

-- Takes in many reports of one partition and one source, each at most once. KEYS are the stream of changes, then four for each report. ARGV
-- are seven for all, then for each report seven, and what it makes of a number about which nothing is known, worked out beforehand: the
-- listing, and how many words of evidence and of reporters there are, followed by these. Most reports of a list are such.
local KEYS_EACH, ARGS_EACH = 4, 10
local changes = KEYS[1]
local count, today, longest, evidenceTTL, retention
count, kind, organisation, today, longest, evidenceTTL, retention = unpack(ARGV, 1, 7)
today = tonumber(today)

-- All listings are read before anything is written: one that cannot be changed refuses the whole batch. A number that is known, or is
-- reported several times, gets one change for all but the first report.
local numbers, order, corrupt = {}, {}, 0
local function know(bucket, field)
  local listing, raw, damaged = fetch(bucket, field)
  if not listing then return false end
  numbers[field] = {bucket = bucket, field = field, listing = listing, raw = raw}
  order[#order + 1] = numbers[field]
  corrupt = corrupt + damaged
  return true
end

local at, rows = 8, {}
for i = 1, count do
  local bucket, evidence = KEYS[i * KEYS_EACH - 2], KEYS[i * KEYS_EACH - 1]
  local field = ARGV[at]
  rows[i] = {at = at}
  if numbers[field] == nil then
    if redis.call('HEXISTS', bucket, field) + redis.call('EXISTS', evidence) == 0 then
      numbers[field], rows[i].first = 'first', true
    elseif not know(bucket, field) then
      return NEWER
    end
  end
  at = at + ARGS_EACH + ARGV[at + 8] + ARGV[at + 9]
end

local repeats, forgeries = 0, 0
for i = 1, count do
  local bucket, evidence, reporters, reports = unpack(KEYS, i * KEYS_EACH - 2, i * KEYS_EACH + 1)
  at = rows[i].at
  local field, filed, roles, genuine = ARGV[at], ARGV[at + 3], tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  if rows[i].first then
    local words, names = tonumber(ARGV[at + 8]), tonumber(ARGV[at + 9])
    if ARGV[at + 7] ~= EMPTY then store(bucket, changes, field, ARGV[at + 7], longest) end
    redis.call('HSET', evidence, unpack(ARGV, at + ARGS_EACH, at + ARGS_EACH + words - 1))
    redis.call('HSET', reporters, unpack(ARGV, at + ARGS_EACH + words, at + ARGS_EACH + words + names - 1))
    local forging = (has(roles, 1) and has(genuine, 1) or has(roles, 2) and has(genuine, 2)) and 1 or 0
    file(evidence, reporters, reports, filed, forging, evidenceTTL, retention)
    forgeries = forgeries + forging
  else
    if numbers[field] == 'first' then know(bucket, field) end
    brand, day = ARGV[at + 1], tonumber(ARGV[at + 4])
    local repeated, forging = take(numbers[field].listing, evidence, reporters, ARGV[at + 2], today, roles, genuine, true)
    if repeated == 0 then file(evidence, reporters, reports, filed, forging, evidenceTTL, retention) end
    repeats, forgeries = repeats + repeated, forgeries + forging
  end
end
for _, n in ipairs(order) do
  keep(n.bucket, changes, n.field, n.listing, n.raw, longest)
end
return {repeats, forgeries, corrupt}

-- Takes in many reports of one partition and one source, each at most once. KEYS are the stream of changes, then four for each report.
local KEYS_EACH, ARGS_EACH = 4, 7
local changes = KEYS[1]
local count, today, longest, evidenceTTL, retention
count, kind, organisation, today, longest, evidenceTTL, retention = unpack(ARGV, 1, 7)
today = tonumber(today)

-- All listings are read before anything is written: one that cannot be changed refuses the whole batch. A number that is reported
-- several times gets one change.
local numbers, order, corrupt = {}, {}, 0
for i = 0, count - 1 do
  local bucket, field = KEYS[2 + i * KEYS_EACH], ARGV[8 + i * ARGS_EACH]
  if not numbers[field] then
    local listing, raw, damaged = fetch(bucket, field)
    if not listing then return NEWER end
    numbers[field] = {bucket = bucket, field = field, listing = listing, raw = raw}
    order[#order + 1] = numbers[field]
    corrupt = corrupt + damaged
  end
end
local repeats, forgeries = 0, 0
for i = 0, count - 1 do
  local _, evidence, reporters, reports = unpack(KEYS, 2 + i * KEYS_EACH, 5 + i * KEYS_EACH)
  local field, reporter, filed, roles, genuine
  field, brand, reporter, filed, day, roles, genuine = unpack(ARGV, 8 + i * ARGS_EACH, 14 + i * ARGS_EACH)
  day = tonumber(day)
  local repeated, forging = take(numbers[field].listing, evidence, reporters, reporter, today, tonumber(roles), tonumber(genuine), true)
  if repeated == 0 then file(evidence, reporters, reports, filed, evidenceTTL, retention) end
  repeats, forgeries = repeats + repeated, forgeries + forging
end
for _, n in ipairs(order) do
  keep(n.bucket, changes, n.field, n.listing, n.raw, longest)
end
return {repeats, forgeries, corrupt}

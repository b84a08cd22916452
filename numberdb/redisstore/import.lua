-- Takes in many reports of one partition and one source, each at most once. KEYS are the stream of changes, then four for each report. ARGV
-- are seven for all, then for each report seven.
local KEYS_EACH, ARGS_EACH = 4, 7
local changes = KEYS[1]
local count, _, _, today, longest, evidenceTTL, retention = unpack(ARGV, 1, 7)
today = tonumber(today)

-- All listings are read before anything is written: one that cannot be changed refuses the whole batch. A number that is reported several times
-- gets one change for all of it.
local numbers, order, corrupt = {}, {}, 0
for i = 1, count do
  local bucket, field = KEYS[i * KEYS_EACH - 2], ARGV[i * ARGS_EACH + 1]
  if not numbers[field] then
    local listing, raw, damaged = fetch(bucket, field)
    if not listing then return NEWER end
    numbers[field] = {bucket = bucket, field = field, listing = listing, raw = raw}
    order[#order + 1] = numbers[field]
    corrupt = corrupt + damaged
  end
end

local repeats, forgeries, fault = 0, 0, nil

-- attempt keeps an error for the end. What is damaged about one number must not leave others counted and not listed: their reports would be repeats
-- when they are sent again.
local function attempt(step, ...)
  local sound, why = pcall(step, ...)
  if not sound then fault = fault or why end
end

local function takeIn(i)
  local _, evidence, reporters, reports = unpack(KEYS, i * KEYS_EACH - 2, i * KEYS_EACH + 1)
  local field, reporter, filed, roles, genuine
  field, brand, reporter, filed, day, roles, genuine = unpack(ARGV, i * ARGS_EACH + 1, i * ARGS_EACH + ARGS_EACH)
  kind, organisation, day = ARGV[2], ARGV[3], tonumber(day) -- a row that failed may have left those of another report
  unfold(evidence, reporters, reports)
  local repeated, forging = take(numbers[field].listing, evidence, reporters, reporter, today, tonumber(roles), tonumber(genuine), true)
  if repeated == 0 then file(evidence, reporters, reports, filed, forging, evidenceTTL, retention) end
  repeats, forgeries = repeats + repeated, forgeries + forging
end

for i = 1, count do attempt(takeIn, i) end
for _, n in ipairs(order) do
  attempt(keep, n.bucket, changes, n.field, n.listing, n.raw, longest)
end
if fault then error(fault, 0) end
return {repeats, forgeries, corrupt}

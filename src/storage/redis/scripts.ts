/** Made from lua/*.lua by scripts/embed-lua.ts: do not edit. */
import { createHash } from "node:crypto";

/** A script and the digest that Redis knows it by. */
export interface Script {
  readonly name: string;
  readonly lua: string;
  readonly sha1: string;
}

function script(name: string, lua: string): Script {
  return { name, lua, sha1: createHash("sha1").update(lua).digest("hex") };
}

export const activityShare = script(
  "activity-share",
  String.raw`local now = tonumber(ARGV[6])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
-- Others can write here too: what is no number counts as absent.
local function number(text)
  return text and #text <= 15 and text:find('^%d+$') and tonumber(text) or nil
end

local names, fresh, later = {}, 0, {}
for at = 7, #ARGV, 2 do names[#names + 1] = ARGV[at] end
local old = #names > 0 and redis.call('HMGET', KEYS[1], unpack(names)) or {}
for index, name in ipairs(names) do
  local before = number(old[index])
  if not before then fresh = fresh + 1 end
  if not before or before < tonumber(ARGV[6 + 2 * index]) then
    later[#later + 1] = name
    later[#later + 1] = ARGV[6 + 2 * index]
  end
end

local answer = 'shared'
local state = redis.call('HMGET', KEYS[1], 'since', 'count')
local since, count = number(state[1]), (number(state[2]) or 0) + fresh
if not since or since > now or count > tonumber(ARGV[3]) then
  if since then answer = 'anew' end
  redis.call('PEXPIRE', KEYS[1], 0)
  since, count, later = now, #names, { unpack(ARGV, 7) }
end
redis.call('HSET', KEYS[1], 'since', string.format('%.0f', since), 'count', string.format('%.0f', count))
if #later > 0 then redis.call('HSET', KEYS[1], unpack(later)) end
redis.call('PEXPIRE', KEYS[1], ARGV[4])

local reports = redis.call('HGETALL', KEYS[2])
for at = 1, #reports, 2 do
  local said = number(reports[at + 1]:match('^%d+'))
  if not said or said <= now - tonumber(ARGV[5]) then redis.call('HDEL', KEYS[2], reports[at]) end
end
redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now) .. ' ' .. ARGV[2])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return answer
`,
);

export const familyCreate = script(
  "family-create",
  String.raw`local now = tonumber(ARGV[8])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local family = redis.call('HMGET', KEYS[1], 'ends', 'rotated', 'marked')
local ends, rotated = tonumber(family[1] or 0) or 0, tonumber(family[2] or 0) or 0
if now < ends and (family[3] == '1' or now < rotated + ARGV[6]) then
  return 'present'
end
redis.call('HSET', KEYS[1], 'client', ARGV[1], 'session', ARGV[2], 'ends', ARGV[3], 'grant', ARGV[4], 'mac', ARGV[5],
  'generation', '0', 'rotated', string.format('%.0f', now), 'marked', '0')
local ttl = math.min(tonumber(ARGV[3]) - now, tonumber(ARGV[6])) + ARGV[7]
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(ttl, 1)))
return 'created'
`,
);

export const familyFind = script(
  "family-find",
  String.raw`local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local family = redis.call('HMGET', KEYS[1], 'client', 'session', 'ends', 'grant', 'mac', 'generation', 'marked',
  'rotated')
if not family[1] then
  return { 'absent' }
end
family[5] = family[5] or '' -- a release without MACs wrote it, or someone who cannot make one
for at = 1, 8 do
  local is_number = at == 3 or at == 6 or at == 8
  local value, most = family[at], tonumber(ARGV[at == 4 and 2 or 3])
  if not value or #value > most or (is_number and not (#value <= 15 and value:find('^%d+$'))) then
    return { 'tampered' }
  end
end
local marked = family[7] == '1'
if now >= tonumber(family[3]) or (not marked and now >= tonumber(family[8]) + ARGV[1]) then
  return { 'absent' }
end
return { 'found', family[1], family[2], family[3], marked and '' or family[4], family[5], family[6], family[7] }
`,
);

export const familyRevoke = script(
  "family-revoke",
  String.raw`local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local family = redis.call('HMGET', KEYS[1], 'ends', 'rotated', 'marked')
local ends, rotated = tonumber(family[1] or 0) or 0, tonumber(family[2] or 0) or 0
if now >= ends or (family[3] ~= '1' and now >= rotated + ARGV[1]) then
  return 'absent'
end
redis.call('HSET', KEYS[1], 'marked', '1', 'grant', '')
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ends - now + ARGV[2]))
return 'marked'
`,
);

export const familyRotate = script(
  "family-rotate",
  String.raw`local now = tonumber(ARGV[8])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local grace, idle, slack = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local family = redis.call('HMGET', KEYS[1], 'client', 'session', 'ends', 'grant', 'mac', 'generation', 'marked',
  'rotated')
if family[1] ~= ARGV[1] then
  return { 'absent' }
end
family[5] = family[5] or '' -- a release without MACs wrote it, or someone who cannot make one
for at = 1, 8 do
  local is_number = at == 3 or at == 6 or at == 8
  local value, most = family[at], tonumber(ARGV[at == 4 and 6 or 7])
  if not value or #value > most or (is_number and not (#value <= 15 and value:find('^%d+$'))) then
    return { 'tampered' }
  end
end

local ends, rotated, marked = tonumber(family[3]), tonumber(family[8]), family[7] == '1'
if now >= ends or (not marked and now >= rotated + idle) then
  return { 'absent' }
end
local function answer(outcome, generation)
  return { outcome, generation, family[2], family[3], family[5], outcome ~= 'reused' and family[4] or nil }
end
local behind = tonumber(family[6]) - tonumber(ARGV[2])
if not marked and behind <= 0 then
  local generation = string.format('%.0f', tonumber(ARGV[2]) + 1)
  redis.call('HSET', KEYS[1], 'generation', generation, 'rotated', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min(ends - now, idle) + slack))
  return answer(behind == 0 and 'rotated' or 'caught_up', generation)
end
if not marked and behind == 1 and now < rotated + grace then
  return answer('repeated', family[6])
end
if not marked then
  redis.call('HSET', KEYS[1], 'marked', '1', 'grant', '')
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ends - now + slack))
end
return answer('reused', family[6])
`,
);

export const leaseHold = script(
  "lease-hold",
  String.raw`local now = tonumber(ARGV[3])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local lease = redis.call('HMGET', KEYS[1], 'holder', 'until', 'fence')
-- Others can write here too: a value that is no number, or further ahead than any lease, does not count.
local function number(text)
  return text and #text <= 15 and text:find('^%d+$') and tonumber(text) or 0
end
local expires, fence = number(lease[2]), number(lease[3])
if lease[1] ~= ARGV[1] then
  if now < expires and expires <= now + 60000 then
    return false
  end
  fence = math.max(fence + 1, now)
end
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'until', string.format('%.0f', now + ARGV[2]),
  'fence', string.format('%.0f', fence))
return string.format('%.0f', fence)
`,
);

export const leaseRelease = script(
  "lease-release",
  String.raw`if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then
  return 'not_held'
end
redis.call('HSET', KEYS[1], 'until', '0')
return 'released'
`,
);

export const revocationBegin = script(
  "revocation-begin",
  String.raw`local epoch = redis.call('HGET', KEYS[1], 'epoch') -- others can write here too: its shape is checked
if not epoch or #epoch > 32 or not epoch:find('^[%w_-]+$') then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
return epoch
`,
);

export const revocationHeal = script(
  "revocation-heal",
  String.raw`for i = 1, #ARGV, 2 do
  redis.call('XADD', KEYS[1], '*', 'r', ARGV[i], 'm', ARGV[i + 1])
end
return #ARGV / 2
`,
);

export const revocationPublish = script(
  "revocation-publish",
  String.raw`local now = tonumber(ARGV[8])
now = now and math.floor(now / 1000) or tonumber(redis.call('TIME')[1])
local ends, stamp = tonumber(ARGV[3]), tonumber(ARGV[4])
if stamp > 0 then
  local due = math.max(tonumber(ARGV[5]), now + ARGV[7])
  if stamp < due or stamp > due + 1 then
    return { 'stamp', string.format('%.0f', due) }
  end
end

local in_force, over = 0, {}
local counts = redis.call('HGETALL', KEYS[2])
for i = 1, #counts, 2 do
  local is_sound = counts[i]:find('^%d+$') and counts[i + 1]:find('^%d+$') and #counts[i + 1] <= 12
  if not is_sound or counts[i] * 600 <= now then
    over[#over + 1] = counts[i]
  else
    in_force = in_force + counts[i + 1]
  end
end
if in_force >= tonumber(ARGV[6]) then
  return { 'quota_exceeded' }
end
if #over > 0 then
  redis.call('HDEL', KEYS[2], unpack(over, 1, math.min(#over, 1000)))
end
redis.call('HINCRBY', KEYS[2], string.format('%.0f', math.ceil(ends / 600)), 1)
local ttl = (ends - now + 1200) * 1000
if redis.call('PTTL', KEYS[2]) < ttl then
  redis.call('PEXPIRE', KEYS[2], string.format('%.0f', math.max(ttl, 1)))
end
return { 'stored', redis.call('XADD', KEYS[1], '*', 'r', ARGV[1], 'm', ARGV[2]) }
`,
);

export const revocationRead = script(
  "revocation-read",
  String.raw`local answer = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', ARGV[2])) do
  local fields = entry[2]
  local is_sound = #fields[2] <= tonumber(ARGV[3]) and #(fields[4] or '') <= tonumber(ARGV[3])
  answer[#answer + 1] = entry[1]
  answer[#answer + 1] = is_sound and fields[2] or ''
  answer[#answer + 1] = is_sound and fields[4] or ''
end
return answer
`,
);

export const revocationSweep = script(
  "revocation-sweep",
  String.raw`if redis.call('EXISTS', KEYS[1]) == 0 then
  return 0
end
local now = tonumber(ARGV[3])
now = now and math.floor(now / 1000) or tonumber(redis.call('TIME')[1])
local swept, over = redis.call('HGET', KEYS[2], 'swept') or '-', {}
local entries = redis.pcall('XRANGE', KEYS[1], swept, '+', 'COUNT', ARGV[1])
if entries.err then
  entries = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', ARGV[1])
end
for _, entry in ipairs(entries) do
  local ends = entry[2][2]:match('^%a(%d+)')
  if ends and ends + ARGV[2] <= now then
    over[#over + 1] = entry[1]
  end
end
if #over > 0 then
  redis.call('XDEL', KEYS[1], unpack(over))
end
local is_at_end = #entries < tonumber(ARGV[1])
redis.call('HSET', KEYS[2], 'swept', is_at_end and '-' or entries[#entries][1])
return #over
`,
);

export const revocationTick = script(
  "revocation-tick",
  String.raw`local now = tonumber(ARGV[1])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local server, replication, incarnation = redis.pcall('INFO', 'server'), redis.pcall('INFO', 'replication'), ''
if type(server) == 'string' and type(replication) == 'string' then
  incarnation = (server:match('run_id:(%w+)') or '') .. '.' .. (replication:match('master_replid:(%w+)') or '')
end
local epoch = redis.call('HGET', KEYS[2], 'epoch') -- others can write here too: its shape is checked
if not epoch or #epoch > 32 or not epoch:find('^[%w_-]+$') then
  epoch = ''
end
local answer = { epoch, incarnation, '0-0', string.format('%.0f', now) }
local known = redis.call('HGETALL', KEYS[2])
for i = 1, #known, 2 do
  if known[i]:find('^ttl:%d+$') and #known[i] <= 16 and #known[i + 1] <= 16 and #answer < 200 then
    answer[#answer + 1] = known[i]
    answer[#answer + 1] = known[i + 1]
  end
end
if redis.call('EXISTS', KEYS[1]) == 0 then
  return answer
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
for i = 1, #info, 2 do
  if info[i] == 'last-generated-id' then
    answer[3] = info[i + 1]
  end
end
return answer
`,
);

export const ringRead = script(
  "ring-read",
  String.raw`local ring = redis.call('HMGET', KEYS[1], 'version', 'sealed')
local version, sealed = ring[1], ring[2]
if not (version and sealed) then
  return { 'absent' }
end
if #version > 15 or not version:find('^%d+$') or #sealed > tonumber(ARGV[1]) then
  return { 'tampered' }
end
return { 'found', version, sealed }
`,
);

export const ringReplace = script(
  "ring-replace",
  String.raw`local stored = redis.call('HMGET', KEYS[1], 'version', 'sealed')
if (stored[1] and stored[2] and stored[1] or '0') ~= ARGV[1] then
  return 'changed'
end
if ARGV[4] ~= '' and redis.call('HGET', KEYS[2], 'fence') ~= ARGV[4] then
  return 'fenced'
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'sealed', ARGV[3])
return 'replaced'
`,
);

-- Uses a refresh token: the rule of rotate in src/storage/refresh-family.ts, which must change together with this.
-- Atomic: all racers with one token get the same successor, and a reuse is marked before the next rotation.
--
-- KEYS[1]  the family (hash)
-- ARGV     1 client id, 2 generation presented, 3 grace window (ms), 4 idle time (ms), 5 slack of the TTL (ms),
--          6 bytes of a grant at most, 7 bytes of another field at most, 8 now (ms; empty: Redis TIME)
-- Returns  {"rotated" | "repeated" | "caught_up" | "reused", generation, session id, end of the session (ms), MAC,
--          grant (none if reused)}, {"absent"}, or {"tampered"}: it is no family
local now = tonumber(ARGV[8])
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

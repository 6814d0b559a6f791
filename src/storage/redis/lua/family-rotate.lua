-- Uses a refresh token: the rule of rotate in src/storage/refresh-family.ts, which must change together with this.
-- Atomic so that all racers with one token get the same successor, and a reuse is marked before anyone else rotates.
--
-- KEYS[1]  the family (hash)
-- ARGV     1 client id, 2 generation presented, 3 grace window (ms), 4 idle time (ms), 5 slack of the TTL (ms),
--          6 now (ms; empty: Redis TIME)
-- Returns  {"rotated" | "repeated" | "caught_up", generation, grant}, {"reused", session id, end of the session (ms)},
--          or {"absent"}
local now = tonumber(ARGV[6])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local grace, idle, slack = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])

local family = redis.call('HMGET', KEYS[1], 'client', 'session', 'ends', 'grant', 'generation', 'rotated', 'marked')
local client, session, ends, grant = family[1], family[2], tonumber(family[3] or 0), family[4]
if client ~= ARGV[1] or now >= ends then
  return { 'absent' }
end
local rotated, marked = tonumber(family[6]), family[7] == '1'
if not marked and now >= rotated + idle then
  return { 'absent' }
end

local behind = tonumber(family[5]) - tonumber(ARGV[2])
if not marked and behind <= 0 then
  local generation = string.format('%.0f', tonumber(ARGV[2]) + 1)
  redis.call('HSET', KEYS[1], 'generation', generation, 'rotated', string.format('%.0f', now))
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min(ends - now, idle) + slack))
  return { behind == 0 and 'rotated' or 'caught_up', generation, grant }
end
if not marked and behind == 1 and now < rotated + grace then
  return { 'repeated', family[5], grant }
end
if not marked then
  redis.call('HSET', KEYS[1], 'marked', '1', 'grant', '')
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', ends - now + slack))
end
return { 'reused', session, family[3] }

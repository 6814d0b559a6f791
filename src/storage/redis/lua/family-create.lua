-- Stores a new refresh token family at generation 0, unless it is there already and still counts.
-- Atomic: a repeat after a time-out must not put a family back to its beginning.
--
-- KEYS[1]  the family (hash)
-- ARGV     1 client id, 2 session id, 3 end of the session (ms), 4 grant, 5 MAC, 6 idle time (ms),
--          7 slack of the TTL (ms), 8 now (ms; empty: Redis TIME)
-- Returns  "created" or "present"
local now = tonumber(ARGV[8])
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

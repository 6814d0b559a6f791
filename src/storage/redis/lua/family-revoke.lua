-- Makes a refresh token family a tombstone, kept until its session's end. One that counts no more is left as it is.
-- Atomic: no rotation may come between the look and the mark.
--
-- KEYS[1]  the family (hash)
-- ARGV     1 idle time (ms), 2 slack of the TTL (ms), 3 now (ms; empty: Redis TIME)
-- Returns  "marked" or "absent"
local now = tonumber(ARGV[3])
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

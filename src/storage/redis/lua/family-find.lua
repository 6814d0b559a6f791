-- Reads a refresh token family, unless it counts no more (isGone in src/storage/refresh-family.ts).
-- Atomic only because it is a script, and a script so that the same clock decides here and in family-rotate.lua.
--
-- KEYS[1]  the family (hash)
-- ARGV     1 idle time (ms), 2 now (ms; empty: Redis TIME)
-- Returns  {client id, session id, end of the session (ms), grant, generation, "1" if marked}, or {}
local now = tonumber(ARGV[2])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local family = redis.call('HMGET', KEYS[1], 'client', 'session', 'ends', 'grant', 'generation', 'marked', 'rotated')
if not family[1] or now >= tonumber(family[3]) then
  return {}
end
if family[6] ~= '1' and now >= tonumber(family[7]) + ARGV[1] then
  return {}
end
return { family[1], family[2], family[3], family[4], family[5], family[6] }

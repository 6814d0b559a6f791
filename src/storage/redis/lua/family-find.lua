-- Reads a refresh token family, unless it counts no more (isGone in src/storage/refresh-family.ts).
-- A script because one clock must decide here and in family-rotate.lua.
-- Atomic: a script always is.
--
-- KEYS[1]  the family (hash)
-- ARGV     1 idle time (ms), 2 bytes of a grant at most, 3 bytes of another field at most, 4 now (ms; empty: Redis TIME)
-- Returns  {"found", client id, session id, end of the session (ms), grant, MAC, generation, "1" if marked}, {"absent"},
--          or {"tampered"}: it is no family: someone else wrote it
local now = tonumber(ARGV[4])
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

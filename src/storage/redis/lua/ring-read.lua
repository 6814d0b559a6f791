-- Reads the sealed key ring, unless it is longer than any ring.
-- Atomic: version and ring belong together. A script because sizes must be checked before anything is sent.
--
-- KEYS[1]  the ring (hash: version, sealed)
-- ARGV     1 bytes at most
-- Returns  {"found", version, sealed ring}, {"absent"} or {"tampered"}
local ring = redis.call('HMGET', KEYS[1], 'version', 'sealed')
local version, sealed = ring[1], ring[2]
if not (version and sealed) then
  return { 'absent' }
end
if #version > 15 or not version:find('^%d+$') or #sealed > tonumber(ARGV[1]) then
  return { 'tampered' }
end
return { 'found', version, sealed }

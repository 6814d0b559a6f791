-- Replaces the sealed key ring if nobody else has, and, with a fence, if its holder still has the newest lease.
-- Atomic: compare and set.
--
-- KEYS[1]  the ring (hash: version, sealed), KEYS[2] the lease (hash)
-- ARGV     1 version expected (0: none), 2 version to store, 3 sealed ring, 4 fence (empty: none)
-- Returns  "replaced", "changed" or "fenced"
local stored = redis.call('HMGET', KEYS[1], 'version', 'sealed')
if (stored[1] and stored[2] and stored[1] or '0') ~= ARGV[1] then
  return 'changed'
end
if ARGV[4] ~= '' and redis.call('HGET', KEYS[2], 'fence') ~= ARGV[4] then
  return 'fenced'
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'sealed', ARGV[3])
return 'replaced'

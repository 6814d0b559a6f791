-- Appends revocations that a replica holds and the log has lost, as they were logged before: their quota is spent.
-- Atomic: a chunk is there whole or not at all, also after a time-out.
--
-- KEYS[1]  the log (stream)
-- ARGV     entries, each followed by its MAC
-- Returns  how many were appended
for i = 1, #ARGV, 2 do
  redis.call('XADD', KEYS[1], '*', 'r', ARGV[i], 'm', ARGV[i + 1])
end
return #ARGV / 2

-- Appends revocations that a replica holds and the log has lost, as they were logged before: their quota is spent.
-- Atomic so that a chunk is there whole or, after a time-out, is looked for and found whole.
--
-- KEYS[1]  the log (stream)
-- ARGV     entries
-- Returns  how many were appended
for _, entry in ipairs(ARGV) do
  redis.call('XADD', KEYS[1], '*', 'r', entry)
end
return #ARGV

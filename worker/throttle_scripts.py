"""Lua scripts of the throttle: each reads and changes one bucket, at one moment of Redis's clock.

Each begins with a write that takes no memory: while its memory is full, Redis lets a script continue that has written.
"""

# KEYS[1]: a hash of the bucket's `tat`, the theoretical arrival time of its next permit; of `resume`, until when nobody
# may send, and `pause`, how long that was at first; of `debt`, by how much CHARGE has moved `tat` ahead, as far as that
# is still in the future. All in µs, times by Redis's clock. ARGV: µs between permits, burst tolerance in µs, permits
# wanted, horizon in µs, recovery a second, least share. Answers {permits, µs until the first one, µs between them}, the
# second negative where its time has passed; or {0, µs after which to ask again, µs until a permit}.
TAKE = """
redis.call('PEXPIRE', KEYS[1], 7200000)
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local gap, tolerance, wanted, horizon = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local kept = redis.call('HMGET', KEYS[1], 'tat', 'resume', 'share', 'cut_at', 'pause', 'debt')
local pause, length = math.max(0, (tonumber(kept[2]) or 0) - now), tonumber(kept[5]) or 0
if pause > length then -- the clock went back
  pause = length
  redis.call('HSET', KEYS[1], 'resume', string.format('%.0f', now + pause))
end
local tat = tonumber(kept[1])
local debt = tonumber(kept[6]) or 0
if debt > 0 then -- what is paid off by now lies ahead no more
  debt = math.min(debt, math.max(0, (tat or 0) - now))
  redis.call('HSET', KEYS[1], 'debt', string.format('%.0f', debt))
end
-- Nothing known of the past, or a future that nobody was granted as the clock went back: as if the burst had been
-- spent, and all that may lie ahead been granted.
if not tat or tat > now + tolerance + horizon + math.max(wanted, 1 / tonumber(ARGV[6])) * gap + debt then
  tat = now + tolerance + horizon + wanted * gap
end
tat = math.max(tat, now)
if pause > 0 then tat = math.max(tat, now + pause + tolerance) end -- after it at the pace, not all at once
local since = now - (tonumber(kept[4]) or now)
if since < 0 then redis.call('HSET', KEYS[1], 'cut_at', string.format('%.0f', now)) end -- the clock went back
local share = math.min(1, (tonumber(kept[3]) or 1) + math.max(0, since) / 1000000 * tonumber(ARGV[5]))
wanted, gap = math.max(1, math.floor(wanted * share)), gap / share
local first = tat - tolerance - now
local write = first <= horizon and tat + wanted * gap or tat
redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', write))
redis.call('PEXPIRE', KEYS[1], 7200000)
if first > horizon then return {0, math.ceil(first - horizon), math.ceil(first)} end
return {wanted, first, math.ceil(gap)}
"""
# After a vendor's rate limit, its `share` of the pace is cut and grows back from `cut_at` on: additive increase,
# multiplicative decrease. ARGV: pause in µs, recovery a second, the factor of a cut, the least share.
PAUSE = """
redis.call('PEXPIRE', KEYS[1], 7200000)
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local resume = now + tonumber(ARGV[1])
local kept = redis.call('HMGET', KEYS[1], 'resume', 'share', 'cut_at')
if (tonumber(kept[1]) or 0) <= now then -- answers to what was under way when the pause began do not cut again
  local grown = (now - (tonumber(kept[3]) or now)) / 1000000 * tonumber(ARGV[2])
  local share = math.min(1, (tonumber(kept[2]) or 1) + math.max(0, grown))
  share = math.max(tonumber(ARGV[4]), share * tonumber(ARGV[3]))
  redis.call('HSET', KEYS[1], 'share', share, 'cut_at', string.format('%.0f', now))
end
if (tonumber(kept[1]) or 0) < resume then
  redis.call('HSET', KEYS[1], 'resume', string.format('%.0f', resume), 'pause', ARGV[1])
end
redis.call('PEXPIRE', KEYS[1], 7200000)
"""
# A request has cost more than was taken: delay the next one by that much. ARGV: µs.
CHARGE = """
redis.call('PEXPIRE', KEYS[1], 7200000)
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local tat = math.max(tonumber(redis.call('HGET', KEYS[1], 'tat')) or now, now) + tonumber(ARGV[1])
redis.call('HSET', KEYS[1], 'tat', string.format('%.0f', tat))
redis.call('HINCRBYFLOAT', KEYS[1], 'debt', ARGV[1])
redis.call('PEXPIRE', KEYS[1], 7200000)
"""

# Book work that takes many permits, so that it waits where it delays nobody. `booked`: until when the permits are
# taken. ARGV: µs that they take, the longest wait in µs. Answers µs until they begin, or -1.
BOOK = """
redis.call('PEXPIRE', KEYS[1], 7200000)
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local takes, most = tonumber(ARGV[1]), tonumber(ARGV[2])
local booked = tonumber(redis.call('HGET', KEYS[1], 'booked')) or now
if booked > now + most then booked = now end -- the clock went back
booked = math.max(booked, now)
if booked + takes > now + most then return -1 end
redis.call('HSET', KEYS[1], 'booked', string.format('%.0f', booked + takes))
redis.call('PEXPIRE', KEYS[1], 7200000)
return math.ceil(booked - now)
"""

-- Gives one unit back to a bucket. ARGV contains the microseconds after which one unit comes back.
local arrival = redis.call('GET', KEYS[1])
if not arrival then
    return
end
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local used = tonumber(arrival) - tonumber(ARGV[1]) - now
if used > 0 then
    redis.call('SET', KEYS[1], string.format('%.0f', now + used), 'PX', math.ceil(used / 1000))
else
    redis.call('DEL', KEYS[1])
end

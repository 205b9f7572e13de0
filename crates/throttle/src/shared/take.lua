-- Takes one unit from each bucket, or from none. ARGV contains two values for each key: the
-- microseconds after which one unit comes back, and the limit.
-- Returns the index of the bucket that refuses (0 if none), then the microseconds used in each
-- bucket.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local reply, refuses, longest = { 0 }, 0, 0
for i, key in ipairs(KEYS) do
    local interval, limit = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    -- The upper bound matters if the clock goes back or the quota was lowered. In both cases the
    -- wait must not be longer than the period.
    local used = math.min(math.max(tonumber(redis.call('GET', key) or 0) - now, 0), interval * limit)
    local wait = used + interval - interval * limit
    if wait > longest then
        refuses, longest = i, wait
    end
    reply[i + 1] = used
end
reply[1] = refuses
if refuses == 0 then
    for i, key in ipairs(KEYS) do
        local used = reply[i + 1] + tonumber(ARGV[2 * i - 1])
        -- The key expires when the bucket is full again.
        redis.call('SET', key, string.format('%.0f', now + used), 'PX', math.ceil(used / 1000))
        reply[i + 1] = used
    end
end
return reply

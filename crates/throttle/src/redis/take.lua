-- Takes one from each bucket or from none. ARGV has for each key the microseconds after which one comes back, and the limit.
-- Answers which bucket refuses (0: none does), then how many microseconds of each are used up.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer, refuses, longest = { 0 }, 0, 0
for i, key in ipairs(KEYS) do
    local interval, limit = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    -- More than all of it is used up only where the clock went back or the quota was lowered; neither may refuse for longer.
    local used = math.min(math.max(tonumber(redis.call('GET', key) or 0) - now, 0), interval * limit)
    local wait = used + interval - interval * limit
    if wait > longest then
        refuses, longest = i, wait
    end
    answer[i + 1] = used
end
answer[1] = refuses
if refuses == 0 then
    for i, key in ipairs(KEYS) do
        local used = answer[i + 1] + tonumber(ARGV[2 * i - 1])
        -- It goes when it is whole again.
        redis.call('SET', key, string.format('%.0f', now + used), 'PX', math.ceil(used / 1000))
        answer[i + 1] = used
    end
end
return answer

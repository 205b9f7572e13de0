-- Where a task's city is, as it was found when the task was written; nothing of it where it was not found.
ALTER TABLE tasks
    ADD COLUMN place_name TEXT,
    ADD COLUMN country TEXT,
    ADD COLUMN country_code TEXT,
    ADD COLUMN admin1 TEXT,
    ADD COLUMN latitude DOUBLE PRECISION,
    ADD COLUMN longitude DOUBLE PRECISION,
    ADD COLUMN timezone TEXT,
    ADD COLUMN due_date TEXT;

-- Where a task's city is, as it was found when the task was written; nothing of it where it was not found.
ALTER TABLE tasks ADD COLUMN place_name TEXT;
ALTER TABLE tasks ADD COLUMN country TEXT;
ALTER TABLE tasks ADD COLUMN country_code TEXT;
ALTER TABLE tasks ADD COLUMN admin1 TEXT;
ALTER TABLE tasks ADD COLUMN latitude REAL;
ALTER TABLE tasks ADD COLUMN longitude REAL;
ALTER TABLE tasks ADD COLUMN timezone TEXT;
ALTER TABLE tasks ADD COLUMN due_date TEXT;
